// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chooses which of the mutants that are compiled in behaves wrongly, and tells
 * which of them were passed, through debugfs:
 *
 * dmabuf_mutant/active: the number of the mutant, 0 for none
 * dmabuf_mutant/passed: a byte for each, 1 if its code ran; a write clears all
 */
#include <linux/debugfs.h>
#include <linux/dmabuf_mutant.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/string.h>

u32 dmabuf_mutant;
EXPORT_SYMBOL_GPL(dmabuf_mutant);

u8 dmabuf_mutant_passed[DMABUF_MUTANTS];
EXPORT_SYMBOL_GPL(dmabuf_mutant_passed);

static ssize_t passed_read(struct file *file, char __user *to, size_t count,
			   loff_t *pos)
{
	return simple_read_from_buffer(to, count, pos, dmabuf_mutant_passed,
				       sizeof(dmabuf_mutant_passed));
}

static ssize_t passed_write(struct file *file, const char __user *from,
			    size_t count, loff_t *pos)
{
	memset(dmabuf_mutant_passed, 0, sizeof(dmabuf_mutant_passed));
	return count;
}

static const struct file_operations passed_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = passed_read,
	.write = passed_write,
	.llseek = default_llseek,
};

static int __init dmabuf_mutant_init(void)
{
	struct dentry *dir = debugfs_create_dir("dmabuf_mutant", NULL);

	debugfs_create_u32("active", 0600, dir, &dmabuf_mutant);
	debugfs_create_file("passed", 0600, dir, NULL, &passed_fops);
	return 0;
}
late_initcall(dmabuf_mutant_init);
