// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does wrong on purpose, so that the kernel reports it: how the logs
 * console-*-planted*.log were made.
 *
 *   insmod planted.ko; echo NAME > /proc/planted
 *
 * After a lockdep report the kernel looks for no other one: each of these had a
 * guest of its own. sysctl kernel.hung_task_timeout_secs and kernel.watchdog_thresh
 * were 2, rcu_cpu_stall_timeout 5.
 */

#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/irq_work.h>
#include <linux/kobject.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/preempt.h>
#include <linux/proc_fs.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

static DEFINE_MUTEX(mutex_a);
static DEFINE_MUTEX(mutex_b);
static DEFINE_SPINLOCK(spin_a);
static DEFINE_SPINLOCK(spin_b);
static int __rcu *guarded;
static volatile int zero;

/* --- warnings and bugs --- */

static noinline void act_warn(void)
{
	WARN(1, "planted: %d is not %d\n", 1, 2);
}

static noinline void act_warn_on(void)
{
	WARN_ON(!zero);
}

static noinline void act_bug(void)
{
	BUG_ON(!zero);
}

static noinline void act_null(void)
{
	*(volatile int *)(8L + zero) = 1;
}

static noinline void act_call_null(void)
{
	void (*nowhere)(void) = (void (*)(void))(long)zero;

	nowhere();
}

static noinline void act_wild(void)
{
	*(volatile int *)(0xdead000000000122UL + zero) = 1;
}

static noinline void act_panic(void)
{
	panic("planted");
}

static noinline int recurse(int depth)
{
	volatile char room[512];

	room[depth % 512] = depth;
	return recurse(depth + 1) + room[(depth + 1) % 512];
}

static noinline void act_overflow(void)
{
	pr_info("planted: %d\n", recurse(0));
}

static void warn_here(void *unused)
{
	WARN(1, "planted: on each CPU\n");
}

static noinline void act_warn_cpus(void)
{
	on_each_cpu(warn_here, NULL, 1);
}

static int warn_thread(void *number)
{
	set_current_state(TASK_INTERRUPTIBLE);
	schedule_timeout(HZ / 10);
	WARN(1, "planted: in thread %ld\n", (long)number);
	return 0;
}

static noinline void act_warn_threads(void)
{
	kthread_run(warn_thread, (void *)1L, "planted/1");
	kthread_run(warn_thread, (void *)2L, "planted/2");
	msleep(2000);
}

static noinline void act_dump_stack(void)
{
	pr_err("planted: a driver complains\n");
	dump_stack();
}

/* --- data structures --- */

static noinline void act_ref_add(void)
{
	refcount_t ref = REFCOUNT_INIT(0);

	refcount_inc(&ref);
}

static noinline void act_ref_under(void)
{
	refcount_t ref = REFCOUNT_INIT(0);

	if (refcount_dec_and_test(&ref))
		pr_info("planted: reached zero\n");
}

static noinline void act_list_add(void)
{
	LIST_HEAD(head);
	struct list_head entry;

	list_add(&entry, &head);
	list_add(&entry, &head);
}

static noinline void act_list_del(void)
{
	LIST_HEAD(head);
	struct list_head entry;

	list_add(&entry, &head);
	list_del(&entry);
	list_del(&entry);
}

static noinline void act_kobject(void)
{
	struct kobject *one = kobject_create_and_add("planted", kernel_kobj);
	struct kobject *two = kobject_create_and_add("planted", kernel_kobj);

	if (two)
		kobject_put(two);
	kobject_put(one);
}

/* --- memory --- */

static noinline void act_slub_uaf(void)
{
	struct kmem_cache *cache = kmem_cache_create("planted", 192, 0, SLAB_POISON | SLAB_RED_ZONE |
						     SLAB_STORE_USER, NULL);
	char *object = kmem_cache_alloc(cache, GFP_KERNEL);

	kmem_cache_free(cache, object);
	object[17] = 'x';
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	kmem_cache_destroy(cache);
}

static noinline void act_slub_redzone(void)
{
	char *object = kmalloc(64, GFP_KERNEL);

	object[64 + zero] = 'x';
	kfree(object);
}

static noinline void act_slub_double(void)
{
	char *object = kmalloc(64, GFP_KERNEL);

	kfree(object);
	kfree(object);
}

static noinline void act_slub_left(void)
{
	struct kmem_cache *cache = kmem_cache_create("planted_left", 192, 0, SLAB_POISON, NULL);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	pr_debug("%p\n", object);
	kmem_cache_destroy(cache);
}

static noinline void act_page_alloc(void)
{
	static struct page *pages[250];
	int i;

	for (i = 0; i < 250; i++)
		pages[i] = alloc_pages(GFP_KERNEL | __GFP_NORETRY | (i < 249 ? __GFP_NOWARN : 0),
				       10);
	for (i = 0; i < 250; i++)
		if (pages[i])
			__free_pages(pages[i], 10);
	vfree(vmalloc(8UL << 30));
}

static noinline void act_bad_page(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	page->mapping = (void *)0x1000;
	__free_page(page);
}

static noinline void act_dma(void)
{
	struct platform_device *device = platform_device_register_simple("planted", -1, NULL, 0);

	if (!dma_coerce_mask_and_coherent(&device->dev, DMA_BIT_MASK(64)))
		dma_unmap_single(&device->dev, 0x1000, 4096, DMA_TO_DEVICE);
	platform_device_unregister(device);
}

/* --- sleeping and not sleeping --- */

static noinline void act_sleep(void)
{
	spin_lock(&spin_a);
	mutex_lock(&mutex_a);
	mutex_unlock(&mutex_a);
	spin_unlock(&spin_a);
}

static noinline void act_schedule(void)
{
	preempt_disable();
	schedule(); /* makes the count right by itself */
}

static noinline void act_rcu_sleep(void)
{
	rcu_read_lock();
	msleep(20);
	rcu_read_unlock();
}

static void leaking_work(struct work_struct *work)
{
	preempt_disable();
}

static DECLARE_WORK(leak_work, leaking_work);

static noinline void act_work_leak(void)
{
	schedule_work(&leak_work);
	flush_work(&leak_work);
}

static noinline void act_spin(void)
{
	unsigned long end = jiffies + 15 * HZ;

	preempt_disable();
	while (time_before(jiffies, end))
		cpu_relax();
	preempt_enable();
}

static noinline void act_rcu_stall(void)
{
	unsigned long end = jiffies + 10 * HZ;

	rcu_read_lock();
	while (time_before(jiffies, end))
		cpu_relax();
	rcu_read_unlock();
}

static int hang_thread(void *unused)
{
	mutex_lock(&mutex_a);
	mutex_unlock(&mutex_a);
	return 0;
}

static noinline void act_hang(void)
{
	mutex_lock(&mutex_a);
	kthread_run(hang_thread, NULL, "planted hung");
	msleep(12000);
	mutex_unlock(&mutex_a);
	msleep(100);
}

/* --- locks --- */

static noinline void take_ab(void)
{
	mutex_lock(&mutex_a);
	mutex_lock(&mutex_b);
	mutex_unlock(&mutex_b);
	mutex_unlock(&mutex_a);
}

static noinline void take_ba(void)
{
	mutex_lock(&mutex_b);
	mutex_lock(&mutex_a);
	mutex_unlock(&mutex_a);
	mutex_unlock(&mutex_b);
}

static noinline void act_circular(void)
{
	take_ab();
	take_ba();
}

static noinline void act_circular_other(void)
{
	take_ba();
	take_ab();
}

static noinline void act_recursive(void)
{
	struct mutex *locks = kcalloc(2, sizeof(*locks), GFP_KERNEL);
	int i;

	for (i = 0; i < 2; i++)
		mutex_init(&locks[i]);
	for (i = 0; i < 2; i++)
		mutex_lock(&locks[i]);
	for (i = 0; i < 2; i++)
		mutex_unlock(&locks[i]);
	kfree(locks);
}

static void lock_in_irq(struct irq_work *work)
{
	spin_lock(&spin_a);
	spin_unlock(&spin_a);
}

static noinline void take_in_irq(void)
{
	static struct irq_work work;

	init_irq_work(&work, lock_in_irq);
	irq_work_queue(&work);
	irq_work_sync(&work);
}

static noinline void take_plain(spinlock_t *lock)
{
	spin_lock(lock);
	spin_unlock(lock);
}

static noinline void take_nested_irqs_off(void)
{
	unsigned long flags;

	spin_lock_irqsave(&spin_a, flags);
	spin_lock(&spin_b);
	spin_unlock(&spin_b);
	spin_unlock_irqrestore(&spin_a, flags);
}

static noinline void act_inconsistent(void)
{
	take_in_irq();
	take_plain(&spin_a);
}

static noinline void act_inconsistent_other(void)
{
	take_plain(&spin_a);
	take_in_irq();
}

static noinline void act_irq_order(void)
{
	take_in_irq();
	take_plain(&spin_b);
	take_nested_irqs_off();
}

static noinline void act_irq_inversion(void)
{
	take_plain(&spin_b);
	take_nested_irqs_off();
	take_in_irq();
}

static noinline void act_unlock(void)
{
	mutex_unlock(&mutex_a);
}

static noinline void act_free_held(void)
{
	struct mutex *lock = kzalloc(sizeof(*lock), GFP_KERNEL);

	mutex_init(lock);
	mutex_lock(lock);
	kfree(lock);
}

static noinline void act_keep(void)
{
	mutex_lock(&mutex_a);
}

static noinline void act_no_key(void)
{
	spinlock_t lock;

	memset(&lock, 0, sizeof(lock));
	spin_lock(&lock);
	spin_unlock(&lock);
}

static noinline void act_bad_magic(void)
{
	spinlock_t lock;

	spin_lock_init(&lock);
	memset(&lock, 0, offsetof(spinlock_t, rlock.dep_map));
	spin_lock(&lock);
	spin_unlock(&lock);
}

static noinline void act_nest(void)
{
	mutex_lock_nest_lock(&mutex_b, &mutex_a);
	mutex_unlock(&mutex_b);
}

static noinline void act_wait_context(void)
{
	static DEFINE_RAW_SPINLOCK(raw);

	raw_spin_lock(&raw);
	spin_lock(&spin_a);
	spin_unlock(&spin_a);
	raw_spin_unlock(&raw);
}

static noinline void act_rcu_usage(void)
{
	pr_info("planted: %p\n", rcu_dereference(guarded));
}

static noinline void act_magic(void)
{
	struct mutex *lock = kzalloc(sizeof(*lock), GFP_KERNEL);

	mutex_init(lock);
	memset(lock, 0, sizeof(*lock) - sizeof(struct lockdep_map));
	mutex_lock(lock);
	mutex_unlock(lock);
	kfree(lock);
}

#define ACT(name) { #name, act_##name }

static const struct {
	const char *name;
	void (*act)(void);
} acts[] = {
	ACT(warn), ACT(warn_on), ACT(bug), ACT(null), ACT(call_null), ACT(wild),
	ACT(panic), ACT(overflow), ACT(warn_cpus), ACT(warn_threads), ACT(dump_stack),
	ACT(ref_add), ACT(ref_under), ACT(list_add), ACT(list_del), ACT(kobject),
	ACT(slub_uaf), ACT(slub_redzone), ACT(slub_double), ACT(slub_left),
	ACT(page_alloc), ACT(bad_page), ACT(dma), ACT(sleep), ACT(schedule),
	ACT(rcu_sleep), ACT(work_leak), ACT(spin), ACT(rcu_stall), ACT(hang),
	ACT(circular), ACT(circular_other), ACT(recursive), ACT(inconsistent),
	ACT(inconsistent_other), ACT(irq_order), ACT(irq_inversion), ACT(unlock),
	ACT(free_held), ACT(keep), ACT(no_key), ACT(bad_magic), ACT(nest),
	ACT(wait_context), ACT(rcu_usage), ACT(magic),
};

static ssize_t act_write(struct file *file, const char __user *buffer, size_t length,
			 loff_t *offset)
{
	char name[32] = "";
	size_t i;

	if (length >= sizeof(name) || copy_from_user(name, buffer, length))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(acts); i++) {
		if (sysfs_streq(name, acts[i].name)) {
			acts[i].act();
			return length;
		}
	}
	return -ENOENT;
}

static const struct proc_ops act_ops = { .proc_write = act_write };

static int __init planted_init(void)
{
	return proc_create("planted", 0200, NULL, &act_ops) ? 0 : -ENOMEM;
}

static void __exit planted_exit(void)
{
	remove_proc_entry("planted", NULL);
}

module_init(planted_init);
module_exit(planted_exit);

MODULE_DESCRIPTION("Does wrong on purpose, to see it reported");
MODULE_LICENSE("GPL");
