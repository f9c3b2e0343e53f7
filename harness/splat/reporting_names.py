# SPDX-License-Identifier: GPL-2.0-only
"""Functions of the kernel's checkers, and of what they check calls of, that may stand above the place of a fault.

Read from the sources of 5.6, 5.10, 6.1, 6.12 and 7.3 (each name stands below one file that has it); without those that
``fingerprint_rules`` knows by a pattern. tests/integration/test_splat_reporting_functions.py fails if a base has more.
"""

from __future__ import annotations

_NAMES = (
    # arch/x86/kernel/apic/hw_nmi.c
    "arch_trigger_cpumask_backtrace nmi_cpu_backtrace_handler "
    # arch/x86/kernel/dumpstack.c
    "__die_header __show_trace_log_lvl printk_stack_address "
    # arch/x86/kernel/dumpstack_32.c
    "get_stack_info "
    # arch/x86/kernel/nmi.c
    "__register_nmi_handler default_do_nmi do_nmi io_check_error nmi_backtrace_stall_check nmi_check_duration "
    "nmi_handle pci_serr_error set_emergency_nmi_handler unknown_nmi_error unregister_nmi_handler "
    # arch/x86/kernel/traps.c
    "decode_bug do_bounds do_coprocessor_error do_debug do_device_not_available do_double_fault do_error_trap "
    "do_general_protection do_int3 do_int3_user do_iret_error do_simd_coprocessor_error do_trap do_trap_no_signal "
    "fixup_bad_iret fixup_bug fixup_iopl_exception gp_user_force_sig_segv handle_stack_overflow handle_xfd_event "
    "ist_begin_non_atomic ist_enter ist_exit math_error pt_regs_val ve_raise_fault "
    # arch/x86/mm/fault.c
    "__arch_sync_kernel_mappings arch_sync_kernel_mappings do_kern_addr_fault do_page_fault do_sigbus dump_pagetable "
    "handle_page_fault is_errata93 is_f00f_bug mm_fault_error pgtable_bad spurious_kernel_fault "
    # kernel/dma/debug.c
    "__dma_entry_alloc active_cacheline_inc_overlap active_cacheline_insert add_dma_entry check_for_illegal_area "
    "check_for_stack dma_debug_add_bus dma_debug_device_change dma_entry_alloc dump_entry_trace virt_to_paddr "
    # kernel/dma/mapping.c
    "__dma_alloc_pages __dma_free_pages alloc_single_sgt dma_alloc_attrs dma_alloc_noncoherent "
    "dma_alloc_noncontiguous dma_alloc_pages dma_cache_sync dma_free_attrs dma_free_noncoherent "
    "dma_free_noncontiguous dma_free_pages dma_set_coherent_mask dma_set_mask dma_supported dma_vmap_noncontiguous "
    "dma_vunmap_noncontiguous dmam_alloc_attrs dmam_free_coherent dmam_match dmam_release free_single_sgt "
    # kernel/hung_task.c
    "check_hung_task check_hung_uninterruptible_tasks hung_task_info "
    # kernel/irq/spurious.c
    "__report_bad_irq irq_wait_for_poll noirqdebug_setup note_interrupt report_bad_irq "
    # kernel/kcsan/core.c
    "check_access "
    # kernel/kcsan/debugfs.c
    "debugfs_write insert_report_filterlist microbenchmark "
    # kernel/kcsan/report.c
    "get_access_type prepare_report prepare_report_consumer prepare_report_producer print_stack_trace "
    "print_verbose_info replace_stack_entry sanitize_stack_entries skip_report "
    # kernel/locking/irqflag-debug.c
    "warn_bogus_irq_restore "
    # kernel/locking/lockdep.c
    "__bfs __bfs_backwards __bfs_forwards __check_data_structures __free_zapped_classes __lock_downgrade "
    "__lock_is_held __lock_pin_lock __lock_repin_lock __lock_sequence __lock_set_class __lock_unpin_lock "
    "__lockdep_count_backward_deps __lockdep_count_forward_deps __lockdep_free_key_range __lockdep_reset_lock "
    "__print_lock_name __trace_hardirqs_on_caller add_chain_cache add_lock_to_list alloc_chain_hlocks "
    "alloc_list_entry assign_lock_key bfs_init_root bfs_init_rootb call_rcu_zapped chain_block_next check_chain_key "
    "check_data_structures check_flags check_lock_chain_key check_no_collision check_path check_redundant "
    "check_usage_backwards check_usage_forwards class_lock_list_valid clear_lock_stats debug_locks_off_graph_unlock "
    "debug_show_all_locks debug_show_held_locks find_held_lock find_usage_backwards find_usage_forwards "
    "free_zapped_rcu graph_lock graph_unlock hlock_class hlock_conflict hlock_equal is_dynamic_key lock_accessed "
    "lock_downgrade lock_is_held_type lock_pin_lock lock_repin_lock lock_sequence lock_set_class lock_stats lock_sync "
    "lock_unpin_lock look_up_lock_class lookup_chain_cache_add mark_held_locks match_held_lock "
    "prepare_call_rcu_zapped print_chain_key_iteration print_chain_keys_chain print_chain_keys_held_locks "
    "print_circular_bug_entry print_circular_bug_header print_circular_lock_scenario print_deadlock_scenario "
    "print_irq_lock_scenario print_irqtrace_events print_kernel_ident print_lock print_lock_class_header "
    "print_lock_name print_lockdep_cache print_lockdep_off print_shortest_lock_dependencies "
    "print_shortest_lock_dependencies_backwards print_usage_bug_scenario reacquire_held_locks reinit_class "
    "remove_class_from_lock_chain remove_class_from_lock_chains save_trace verify_lock_unused zap_class "
    # kernel/locking/mutex-debug.c
    "debug_mutex_add_waiter debug_mutex_free_waiter debug_mutex_lock_common debug_mutex_remove_waiter "
    "debug_mutex_unlock debug_mutex_wake_waiter devm_mutex_release "
    # kernel/locking/mutex.c
    "atomic_dec_and_mutex_lock "
    # kernel/locking/percpu-rwsem.c
    "__percpu_down_read __percpu_init_rwsem percpu_down_write percpu_free_rwsem percpu_up_write "
    # kernel/locking/qspinlock_paravirt.h
    "__pv_queued_spin_unlock __pv_queued_spin_unlock_slowpath pv_hash pv_kick_node pv_unhash pv_wait_head_or_lock "
    # kernel/locking/rtmutex-debug.c
    "debug_rt_mutex_free_waiter debug_rt_mutex_init_waiter debug_rt_mutex_print_deadlock debug_rt_mutex_proxy_unlock "
    "debug_rt_mutex_unlock printk_lock printk_task rt_mutex_debug_task_free "
    # kernel/locking/rtmutex-debug.h
    "rt_mutex_print_deadlock "
    # kernel/locking/rtmutex.c
    "__rt_mutex_futex_unlock __rt_mutex_lock __rt_mutex_slowlock __rt_mutex_slowlock_locked __rt_mutex_slowtrylock "
    "__rt_mutex_start_proxy_lock __rt_mutex_trylock __rt_mutex_unlock mark_wakeup_next_waiter remove_waiter "
    "rt_mutex_adjust_pi rt_mutex_adjust_prio_chain rt_mutex_cleanup_proxy_lock rt_mutex_destroy rt_mutex_futex_unlock "
    "rt_mutex_handle_deadlock rt_mutex_init_proxy_locked rt_mutex_init_waiter rt_mutex_lock "
    "rt_mutex_lock_interruptible rt_mutex_lock_nested rt_mutex_proxy_unlock rt_mutex_slowlock rt_mutex_slowlock_block "
    "rt_mutex_slowtrylock rt_mutex_slowunlock rt_mutex_start_proxy_lock rt_mutex_timed_lock rt_mutex_try_acquire "
    "rt_mutex_trylock rt_mutex_wait_proxy_lock rt_mutex_wake_q_add rt_mutex_wake_q_add_task rtlock_slowlock "
    "rtlock_slowlock_locked task_blocks_on_rt_mutex try_to_take_rt_mutex "
    # kernel/locking/rtmutex_api.c
    "__rt_mutex_futex_trylock __rt_mutex_lock_common _rt_mutex_lock_nest_lock rt_mutex_futex_trylock "
    "rt_mutex_lock_killable rt_mutex_unlock "
    # kernel/locking/rtmutex_common.h
    "rt_mutex_init_rtlock_waiter rt_mutex_top_waiter "
    # kernel/locking/rwbase_rt.c
    "__rwbase_read_lock __rwbase_read_unlock __rwbase_write_unlock rwbase_read_lock rwbase_read_unlock "
    "rwbase_write_downgrade rwbase_write_lock rwbase_write_trylock rwbase_write_unlock "
    # kernel/locking/rwsem.c
    "__downgrade_write _down_write_nest_lock downgrade_write "
    # kernel/locking/semaphore.c
    "down down_interruptible down_killable down_timeout "
    # kernel/locking/spinlock_debug.c
    "debug_spin_lock_before debug_spin_unlock debug_write_lock_before debug_write_unlock "
    # kernel/locking/spinlock_rt.c
    "__rt_spin_lock __rt_spin_trylock rt_read_lock rt_read_trylock rt_read_unlock rt_spin_lock rt_spin_lock_nest_lock "
    "rt_spin_lock_nested rt_spin_trylock rt_spin_trylock_bh rt_spin_unlock rt_write_lock rt_write_lock_nested "
    "rt_write_trylock rt_write_unlock rtlock_lock rwbase_rtmutex_lock_state rwbase_rtmutex_slowlock_locked "
    "rwbase_rtmutex_trylock rwbase_rtmutex_unlock "
    # kernel/locking/ww_rt_mutex.c
    "__ww_rt_mutex_lock "
    # kernel/panic.c
    "__stack_chk_fail _print_tainted add_taint check_panic_on_warn clear_warn_once_set do_panic_on_target_cpu "
    "nmi_panic oops_exit panic panic_print_sys_info panic_smp_redirect_cpu print_oops_end_marker print_tainted "
    "print_tainted_verbose vpanic "
    # kernel/rcu/rcu.h
    "debug_rcu_head_callback rcu_seq_end rcu_seq_set_state rcu_seq_start "
    # kernel/rcu/rcu_segcblist.c
    "rcu_segcblist_accelerate rcu_segcblist_advance rcu_segcblist_disable srcu_segcblist_accelerate "
    "srcu_segcblist_advance "
    # kernel/rcu/srcutiny.c
    "call_srcu cleanup_srcu_struct srcu_drive_gp srcu_gp_start_if_needed start_poll_synchronize_srcu synchronize_srcu "
    # kernel/rcu/srcutree.c
    "__call_srcu __srcu_check_read_flavor __synchronize_srcu check_init_srcu_struct process_srcu srcu_advance_state "
    "srcu_barrier srcu_check_nmi_safety srcu_expedite_current srcu_expedite_current_cb srcu_funnel_exp_start "
    "srcu_funnel_gp_start srcu_gp_end srcu_gp_start srcu_invoke_callbacks srcu_might_be_idle srcu_module_coming "
    "srcu_module_going srcu_module_notify srcu_readers_active_idx_check srcu_readers_lock_idx srcu_readers_unlock_idx "
    "srcu_reschedule srcu_should_expedite synchronize_srcu_expedited try_check_zero "
    # kernel/rcu/sync.c
    "rcu_sync_call rcu_sync_dtor rcu_sync_enter rcu_sync_exit rcu_sync_func "
    # kernel/rcu/tasks.h
    "call_rcu_tasks call_rcu_tasks_generic call_rcu_tasks_rude call_rcu_tasks_trace cblist_init_generic "
    "check_all_holdout_tasks check_all_holdout_tasks_trace check_holdout_task exit_tasks_rcu_finish "
    "exit_tasks_rcu_finish_trace exit_tasks_rcu_start rcu_barrier_tasks rcu_barrier_tasks_generic "
    "rcu_barrier_tasks_rude rcu_barrier_tasks_trace rcu_read_unlock_trace_special rcu_tasks_initiate_self_tests "
    "rcu_tasks_invoke_cbs rcu_tasks_invoke_cbs_wq rcu_tasks_need_gpcb rcu_tasks_one_gp rcu_tasks_postgp "
    "rcu_tasks_postscan rcu_tasks_pregp_step rcu_tasks_trace_pertask rcu_tasks_trace_postgp rcu_tasks_trace_postscan "
    "rcu_tasks_trace_pregp_step rcu_tasks_verify_schedule_work rcu_tasks_verify_self_tests rcu_tasks_verify_work_fn "
    "rcu_tasks_wait_gp synchronize_rcu_tasks synchronize_rcu_tasks_generic synchronize_rcu_tasks_rude "
    "synchronize_rcu_tasks_trace trc_inspect_reader trc_read_check_handler trc_wait_for_one_reader "
    # kernel/rcu/tiny.c
    "call_rcu kvfree_call_rcu rcu_barrier rcu_process_callbacks rcu_qs rcu_reclaim_tiny rcu_sched_clock_irq "
    "start_poll_synchronize_rcu synchronize_rcu "
    # kernel/rcu/tree.c
    "__call_rcu __call_rcu_common __call_rcu_core __note_gp_changes __rcu_irq_enter_check_tick call_rcu_core "
    "call_rcu_hurry cond_synchronize_rcu cond_synchronize_rcu_full force_qs_rnp kfree_call_rcu kfree_rcu_monitor "
    "kfree_rcu_shrink_scan kfree_rcu_work kvfree_rcu_barrier kvfree_rcu_bulk kvfree_rcu_drain_ready kvfree_rcu_list "
    "kvfree_rcu_queue_batch note_gp_changes rcu_accelerate_cbs rcu_accelerate_cbs_unlocked rcu_advance_cbs "
    "rcu_advance_cbs_nowake rcu_alloc_par_gp_wq rcu_barrier_entrain rcu_barrier_func rcu_barrier_handler "
    "rcu_barrier_throttled rcu_blocking_is_gp rcu_boot_init_percpu_data rcu_check_quiescent_state "
    "rcu_cleanup_dead_rnp rcu_core rcu_core_si rcu_cpu_starting rcu_do_batch rcu_dynticks_eqs_enter "
    "rcu_dynticks_eqs_exit rcu_eqs_enter rcu_eqs_exit rcu_force_quiescent_state rcu_gp_cleanup rcu_gp_fqs "
    "rcu_gp_fqs_loop rcu_gp_kthread_wake rcu_gp_slow_register rcu_gp_slow_unregister rcu_idle_enter rcu_idle_exit "
    "rcu_implicit_dynticks_qs rcu_init_geometry rcu_init_new_rnp rcu_irq_enter rcu_irq_enter_irqson rcu_irq_exit "
    "rcu_irq_exit_check_preempt rcu_irq_exit_irqson rcu_irq_exit_preempt rcu_is_cpu_rrupt_from_idle "
    "rcu_momentary_dyntick_idle rcu_momentary_eqs rcu_needs_cpu rcu_nmi_enter rcu_nmi_enter_common rcu_nmi_exit "
    "rcu_nmi_exit_common rcu_pending rcu_poll_gp_seq_end rcu_poll_gp_seq_end_unlocked rcu_poll_gp_seq_start "
    "rcu_poll_gp_seq_start_unlocked rcu_report_dead rcu_report_qs_rdp rcu_report_qs_rnp rcu_report_qs_rsp "
    "rcu_report_unblock_qs_rnp rcu_scheduler_starting rcu_softirq_qs rcu_spawn_exp_par_gp_kworker "
    "rcu_spawn_rnp_kthreads rcu_sr_normal_complete rcu_sr_normal_gp_cleanup rcu_sr_normal_gp_cleanup_work "
    "rcu_user_enter rcu_user_exit rcu_watching_snap_recheck rcu_watching_snap_stopped_since rcutree_affinity_setting "
    "rcutree_migrate_callbacks rcutree_offline_cpu rcutree_online_cpu rcutree_prepare_cpu rcutree_report_cpu_starting "
    "start_poll_synchronize_rcu_common start_poll_synchronize_rcu_full swake_up_one_online synchronize_rcu_normal "
    # kernel/rcu/tree_exp.h
    "__rcu_report_exp_rnp __sync_rcu_exp_select_node_cpus cond_synchronize_rcu_expedited "
    "cond_synchronize_rcu_expedited_full exp_funnel_lock rcu_exp_gp_seq_end rcu_exp_gp_seq_start rcu_exp_handler "
    "rcu_exp_sel_wait_wake rcu_exp_wait_wake rcu_report_exp_cpu_mult rcu_report_exp_rdp rcu_report_exp_rnp "
    "sync_exp_reset_tree sync_rcu_do_polled_gp sync_rcu_exp_select_cpus sync_rcu_exp_select_node_cpus "
    "sync_sched_exp_online_cleanup synchronize_rcu_expedited synchronize_rcu_expedited_stall "
    "synchronize_rcu_expedited_wait synchronize_rcu_expedited_wait_once wait_rcu_exp_gp "
    # kernel/rcu/tree_nocb.h
    "__call_rcu_nocb_wake __wake_nocb_gp call_rcu_nocb do_nocb_deferred_wakeup_common do_nocb_deferred_wakeup_timer "
    "lazy_rcu_shrink_count lazy_rcu_shrink_scan nocb_cb_wait nocb_gp_toggle_rdp nocb_gp_wait rcu_bind_current_to_nocb "
    "rcu_nocb_bypass_lock rcu_nocb_cpu_deoffload rcu_nocb_cpu_offload rcu_nocb_cpu_toggle_offload "
    "rcu_nocb_do_flush_bypass rcu_nocb_rdp_deoffload rcu_nocb_rdp_offload rcu_nocb_try_bypass "
    "rcu_nocb_try_flush_bypass wake_nocb_gp "
    # kernel/rcu/tree_plugin.h
    "__rcu_read_lock __rcu_read_unlock do_nocb_bypass_wakeup_timer dump_blkd_tasks rcu_all_qs rcu_boost "
    "rcu_cleanup_after_idle rcu_flavor_sched_clock_irq rcu_nocb_wait_contended rcu_preempt_check_blocked_tasks "
    "rcu_preempt_ctxt_queue rcu_preempt_deferred_qs rcu_preempt_deferred_qs_irqrestore rcu_prepare_for_idle "
    "rcu_rdp_is_offloaded rcu_read_unlock_special rcu_read_unlock_strict rcu_try_advance_all_cbs "
    # kernel/rcu/tree_stall.h
    "check_cpu_stall panic_on_rcu_stall print_cpu_stall print_cpu_stall_info print_cpu_stat_info "
    "print_other_cpu_stall rcu_check_gp_kthread_expired_fqs_timer rcu_check_gp_kthread_starvation "
    "rcu_check_gp_start_stall rcu_dump_cpu_stacks rcu_fwd_progress_check rcu_iw_handler rcu_stall_kick_kthreads "
    # kernel/rcu/update.c
    "__wait_rcu_gp destroy_rcu_head destroy_rcu_head_on_stack rcu_early_boot_tests rcu_test_sync_prims "
    "rcu_verify_early_boot_tests torture_sched_setaffinity "
    # kernel/smp.c
    "__csd_lock_wait __flush_smp_call_function_queue __smp_call_function_single csd_lock_print_extended "
    "csd_lock_wait_toolong csd_unlock flush_smp_call_function_from_idle flush_smp_call_function_queue "
    "generic_exec_single generic_smp_call_function_single_interrupt kick_all_cpus_sync on_each_cpu on_each_cpu_cond "
    "on_each_cpu_cond_mask on_each_cpu_mask smp_call_function smp_call_function_any smp_call_function_many "
    "smp_call_function_many_cond smp_call_function_single smp_call_function_single_async smp_task_ipi_mask_free "
    "smpcfd_dying_cpu "
    # kernel/softirq.c
    "__do_softirq __irq_exit_rcu __local_bh_disable_ip __local_bh_enable __local_bh_enable_ip _local_bh_enable "
    "do_softirq_post_smp_call_flush handle_softirqs invoke_softirq irq_enter irq_enter_rcu irq_exit irq_exit_rcu "
    "run_ksoftirqd run_ktimerd softirq_handle_begin softirq_handle_end tasklet_action tasklet_action_common "
    "tasklet_clear_sched tasklet_hi_action tasklet_kill tasklet_kill_immediate "
    # kernel/watchdog.c
    "lockup_detector_cleanup lockup_detector_offline_cpu lockup_detector_online_cpu print_cpustat print_irq_counts "
    "report_cpu_status softlockup_fn softlockup_start_fn softlockup_stop_fn update_touch_ts watchdog_disable "
    "watchdog_enable watchdog_hardlockup_check watchdog_hardlockup_kick watchdog_timer_fn "
    # kernel/watchdog_buddy.c
    "watchdog_buddy_check_hardlockup watchdog_hardlockup_disable watchdog_hardlockup_enable "
    # kernel/watchdog_hld.c
    "watchdog_overflow_callback "
    # kernel/watchdog_perf.c
    "hardlockup_detector_event_create hardlockup_detector_perf_adjust_period "
    # lib/bug.c
    "__report_bug find_bug report_bug_entry "
    # lib/debugobjects.c
    "__debug_check_no_obj_freed check_results debug_objects_fill_pool debug_objects_oom fill_pool free_obj_work "
    "free_object_list kmem_alloc_batch lookup_object_or_alloc "
    # lib/dump_stack.c
    "dump_stack_print_info "
    # lib/fault-inject.c
    "fail_dump setup_fault_attr should_fail should_fail_ex "
    # lib/nmi_backtrace.c
    "cpumask_backtrace nmi_cpu_backtrace nmi_trigger_cpumask_backtrace "
    # lib/percpu-refcount.c
    "__percpu_ref_exit __percpu_ref_switch_mode __percpu_ref_switch_to_atomic __percpu_ref_switch_to_percpu "
    "percpu_ref_call_confirm_rcu percpu_ref_exit percpu_ref_kill_and_confirm percpu_ref_reinit percpu_ref_resurrect "
    "percpu_ref_switch_to_atomic percpu_ref_switch_to_atomic_rcu percpu_ref_switch_to_atomic_sync "
    "percpu_ref_switch_to_percpu "
    # lib/rcuref.c
    "rcuref_get_slowpath rcuref_put_slowpath "
    # lib/ref_tracker.c
    "__ref_tracker_dir_pr_ostream ref_tracker_alloc ref_tracker_dir_exit ref_tracker_dir_print "
    "ref_tracker_dir_print_locked ref_tracker_dir_seq_print ref_tracker_dir_snprint ref_tracker_dir_symlink "
    "ref_tracker_free "
    # lib/smp_processor_id.c
    "__this_cpu_preempt_check "
    # lib/string_helpers.c
    "__fortify_panic __fortify_report devm_kasprintf_strarray devm_kfree_strarray fortify_panic kasprintf_strarray "
    "kfree_strarray kstrdup_and_replace kstrdup_quotable kstrdup_quotable_cmdline kstrdup_quotable_file "
    "memcpy_and_pad strscpy_pad "
    # lib/ubsan.c
    "get_signed_val get_unsigned_val handle_misaligned_access handle_null_ptr_deref handle_object_size_mismatch "
    "handle_overflow is_inline_int print_source_location suppress_report type_is_signed val_is_negative val_to_string "
    # lib/usercopy.c
    "_copy_from_user _copy_to_user "
    # mm/debug.c
    "__dump_folio __dump_page dump_mm dump_vma dump_vmg page_init_poison "
    # mm/dmapool.c
    "dma_pool_alloc dma_pool_create dma_pool_create_node dma_pool_destroy dma_pool_free dmam_pool_create "
    "dmam_pool_destroy dmam_pool_release pool_alloc_page pool_block_err pool_free_page "
    # mm/kasan/common.c
    "____kasan_kfree_large ____kasan_kmalloc ____kasan_slab_free check_page_allocation check_slab_allocation "
    "poison_kmalloc_large_redzone poison_kmalloc_redzone poison_slab_object set_track unpoison_slab_object "
    # mm/kasan/generic.c
    "check_memory_region check_memory_region_inline register_global "
    # mm/kasan/hw_tags.c
    "unpoison_vmalloc_pages "
    # mm/kasan/quarantine.c
    "per_cpu_remove_cache qlink_free qlist_free_all quarantine_reduce quarantine_remove_cache "
    # mm/kasan/report.c
    "complete_report_info describe_object describe_object_addr describe_object_stacks end_report "
    "get_address_stack_frame_info print_address_stack_frame print_decoded_frame_descr print_error_description "
    "print_memory_metadata print_shadow_for_address print_track start_report tokenize_frame_descr "
    # mm/kasan/shadow.c
    "___alloc_pages_bulk ___free_pages_bulk "
    # mm/kasan/sw_tags.c
    "__hwasan_loadN_noabort __hwasan_storeN_noabort __hwasan_tag_memory "
    # mm/kasan/tags_report.c
    "print_tags "
    # mm/kfence/core.c
    "__kfence_alloc __kfence_free check_canary check_canary_byte metadata_update_state rcu_guarded_free "
    # mm/kfence/report.c
    "__kfence_obj_info print_diff_canary "
    # mm/kmsan/init.c
    "do_collection "
    # mm/kmsan/instrumentation.c
    "get_shadow_origin_ptr "
    # mm/mempool.c
    "__check_element __poison_element add_element check_element mempool_alloc mempool_alloc_bulk_noprof "
    "mempool_alloc_from_pool mempool_alloc_noprof mempool_alloc_preallocated mempool_alloc_slab mempool_create "
    "mempool_create_node mempool_create_node_noprof mempool_destroy mempool_exit mempool_free mempool_free_bulk "
    "mempool_free_pages mempool_free_slab mempool_init_node mempool_init_noprof mempool_kfree mempool_kvfree "
    "mempool_resize poison_element poison_error remove_element "
    # mm/oom_kill.c
    "__oom_kill_process check_panic_on_oom dump_oom_summary dump_oom_victim mark_oom_victim oom_kill_memcg_member "
    "oom_killer_disable oom_reap_task oom_reap_task_mm oom_reaper pagefault_out_of_memory "
    # mm/page_alloc.c
    "___free_pages __accept_page __add_to_free_list __alloc_contig_migrate_range __alloc_contig_pages "
    "__build_all_zonelists __del_page_from_free_list __drain_all_pages __folio_alloc __folio_alloc_noprof "
    "__free_contig_frozen_range __free_contig_range __free_contig_range_common __free_frozen_pages __free_one_page "
    "__free_pages __free_pages_core __free_pages_ok __free_pages_prepare __fs_reclaim_acquire __fs_reclaim_release "
    "__get_pfnblock_flags_mask __isolate_free_page __move_freepages_block __move_freepages_block_isolate "
    "__offline_isolated_pages __page_frag_alloc_align __page_frag_cache_drain __parse_numa_zonelist_order "
    "__perform_reclaim __putback_isolated_page __rmqueue __rmqueue_claim __rmqueue_cma_fallback __rmqueue_fallback "
    "__rmqueue_pcplist __rmqueue_smallest __rmqueue_steal __set_pfnblock_flags_mask __show_free_areas __split_page "
    "accept_page add_to_free_list alloc_contig_dump_pages alloc_contig_frozen_pages_noprof "
    "alloc_contig_frozen_range_noprof alloc_contig_pages alloc_contig_pages_noprof alloc_contig_range "
    "alloc_contig_range_noprof alloc_node_mem_map alloc_order_allowed break_down_buddy_pages buddy_merge_likely "
    "build_all_zonelists bulkfree_pcp_prepare calculate_min_free_kbytes change_pageblock_range check_alloc_stall_warn "
    "check_free_page check_free_page_bad check_new_page check_new_page_bad check_new_pages check_new_pcp "
    "check_pcp_refill clear_pfnblock_bit decay_pcp_high del_page_from_free_list destroy_large_folio drain_all_pages "
    "drain_local_pages drain_local_pages_wq drain_pages drain_pages_zone drain_zone_pages expand "
    "free_area_init_core_hotplug free_compound_page free_contig_frozen_range free_contig_range "
    "free_frozen_page_commit free_frozen_pages free_frozen_pages_nolock free_one_page free_pages free_pages_bulk "
    "free_pages_check free_pages_check_bad free_pages_nolock free_pcp_prepare free_pcppages_bulk "
    "free_prepared_contig_range free_reserved_area free_reserved_pages free_tail_page_prepare free_tail_pages_check "
    "free_the_page free_unref_folios fs_reclaim_acquire fs_reclaim_release get_page_from_freelist get_pfnblock_bit "
    "get_pfnblock_bitmap_bitidx get_pfnblock_migratetype make_alloc_exact memmap_init_range memmap_init_zone "
    "memmap_init_zone_device move_freepages move_freepages_block move_freepages_block_isolate move_to_free_list "
    "numa_zonelist_order_handler order_to_pindex page_del_and_expand page_frag_alloc page_frag_alloc_align "
    "page_frag_cache_drain page_frag_free page_is_buddy page_outside_zone_boundaries "
    "pageblock_isolate_and_move_free_pages pageblock_unisolate_and_move_free_pages pindex_to_order "
    "pm_restore_gfp_mask pm_restrict_gfp_mask post_alloc_hook prep_new_page prepare_alloc_pages put_page_back_buddy "
    "reserve_highatomic_pageblock rmqueue rmqueue_buddy rmqueue_bulk rmqueue_pcplist set_pageblock_migratetype "
    "set_pfnblock_bit set_pfnblock_flags_mask setup_pageset setup_per_zone_wmarks setup_usemap setup_zone_pageset "
    "should_reclaim_retry split_free_frozen_pages split_free_page split_free_pages split_large_buddy split_page "
    "steal_suitable_fallback take_page_off_buddy try_to_accept_memory_one try_to_claim_block try_to_steal_block "
    "unreserve_highatomic_pageblock warn_alloc_show_mem zone_init_internals zone_pcp_disable zone_pcp_enable "
    "zone_pcp_update "
    # mm/page_poison.c
    "__kernel_poison_pages __kernel_unpoison_pages check_poison_mem kernel_poison_pages poison_page poison_pages "
    "unpoison_page unpoison_pages "
    # mm/page_table_check.c
    "__page_table_check_pmd_clear __page_table_check_pmd_set __page_table_check_pmds_set __page_table_check_pte_clear "
    "__page_table_check_pte_clear_range __page_table_check_pte_set __page_table_check_ptes_set "
    "__page_table_check_pud_clear __page_table_check_pud_set __page_table_check_puds_set __page_table_check_zero "
    "get_page_table_check page_table_check_clear page_table_check_pmd_flags page_table_check_pte_flags "
    "page_table_check_set "
    # mm/show_mem.c
    "__show_mem "
    # mm/slab_common.c
    "__do_kmalloc_node __do_krealloc __ksize __kvfree_rcu_barrier __realloc_size cache_random_seq_destroy "
    "create_cache dump_unreclaimable_slab free_large_kmalloc free_memcg_params kfree_call_rcu_nolock kfree_rcu_sheaf "
    "kfree_sensitive kmem_buckets_create kmem_cache_create kmem_cache_create_usercopy kmem_cache_release "
    "kmem_cache_shrink kmem_cache_shrink_all kmem_dump_obj kmem_obj_info kmemcg_cache_deactivate "
    "kmemcg_cache_deactivate_after_rcu kmemcg_cache_shutdown_fn kmemcg_workfn krealloc krealloc_noprof ksize "
    "kvfree_rcu_barrier_on_cache kzfree memcg_accumulate_slabinfo memcg_create_kmem_cache "
    "memcg_deactivate_kmem_caches memcg_update_all_caches shutdown_cache slab_caches_to_rcu_destroy_workfn "
    "slab_kmem_cache_release update_memcg_params "
    # mm/slub.c
    "___cache_free ___kmalloc_large_node __alloc_tagging_slab_alloc_hook __check_heap_object __cmpxchg_double_slab "
    "__flush_cpu_slab __free_empty_sheaf __free_slab __free_to_pcs_batch __kfree_rcu_sheaf __kmem_obj_info "
    "__kmemcg_cache_deactivate_after_rcu __kvmalloc_node_noprof __pcs_flush_all_cpu __pcs_replace_empty_main "
    "__pcs_replace_full_main __prefill_sheaf_pfmemalloc __put_partials __rcu_free_sheaf_prepare __refill_objects_node "
    "__sheaf_flush_main_batch __slab_bug __slab_err __unfreeze_partials _kmalloc_nolock_noprof acquire_slab "
    "add_location alloc_from_new_slab alloc_from_pcs alloc_from_pcs_bulk alloc_loc_track alloc_single_from_new_slab "
    "alloc_single_from_partial alloc_slab_page allocate_slab barn_shrink build_detached_freelist build_slab_freelist "
    "cache_from_obj check_pad_bytes cmpxchg_double_slab create_unique_id deactivate_slab deferred_percpu_work_fn "
    "discard_slab do_kmem_cache_create do_slab_free flush_all flush_all_cpus_locked flush_all_rcu_sheaves "
    "flush_cpu_sheaves flush_cpu_slab flush_rcu_sheaf flush_rcu_sheaves_on_cache flush_slab free_empty_sheaf "
    "free_kmem_cache_nodes free_loc_track free_new_slab_nolock free_partial free_slab free_to_pcs free_to_pcs_bulk "
    "freeze_slab get_any_partial get_freelist get_freelist_nofreeze get_from_any_partial get_from_partial "
    "get_from_partial_node get_map get_partial get_partial_node kfree_hook kfree_nolock kmem_cache_open "
    "kmem_cache_prefill_sheaf kmem_cache_refill_sheaf kmem_cache_return_sheaf krealloc_node_align_noprof kvfree "
    "kvfree_atomic kvfree_rcu_cb kvfree_sensitive kvrealloc_node_align_noprof list_locations list_slab_objects "
    "mark_objexts_empty maybe_wipe_obj_freeptr memcg_alloc_abort_single memcg_propagate_slab_attrs new_slab "
    "new_slab_objects next_slab_obj note_cmpxchg_failure pcs_destroy pcs_flush_all prepare_slab_obj_exts_hook "
    "print_page_info print_section print_slab_info print_tracking process_slab put_cpu_partial put_map put_partials "
    "put_partials_cpu rcu_free_sheaf rcu_free_sheaf_nobarn rcu_free_slab refill_objects refill_sheaf restore_bytes "
    "set_freepointer setup_object setup_object_debug setup_page_debug setup_slab_debug sheaf_flush_main "
    "sheaf_flush_unused sheaf_try_flush_main slab_fix slab_lock slab_memory_callback slab_out_of_memory "
    "slab_post_alloc_hook slab_unlock sysfs_slab_add sysfs_slab_alias unfreeze_partials unfreeze_partials_cpu "
    "validate_slab validate_slab_cache validate_slab_node virt_to_cache warn_free_bad_obj "
    # mm/usercopy.c
    "__check_object_size check_bogus_address check_heap_object check_kernel_text_object check_page_span "
    "usercopy_abort usercopy_warn "
    # mm/util.c
    "__account_locked_vm __compat_vma_mmap __kmemdup_nul __vcalloc __vcalloc_noprof __vm_enough_memory "
    "account_locked_vm check_mmap_action compat_set_desc_from_vma compat_vma_mmap kfree_const kmemdup kmemdup_noprof "
    "kmemdup_nul kstrdup kstrdup_const kstrndup kvmalloc_node kvmemdup kvrealloc kvrealloc_noprof mem_dump_obj "
    "memdup_user memdup_user_nul mmap_action_complete mmap_action_prepare page_offline_begin page_offline_end "
    "page_offline_freeze page_offline_thaw snapshot_page strndup_user vcalloc vcalloc_noprof vm_mmap vm_mmap_pgoff "
    "vmemdup_user "
    # mm/vmalloc.c
    "__alloc_vmap_area __get_vm_area __get_vm_area_caller __get_vm_area_node __merge_or_add_vmap_area "
    "__purge_vmap_area_lazy __unlink_va __vfree __vmap_pages_range __vmap_pages_range_noflush __vunmap "
    "__vunmap_range_noflush _vm_unmap_aliases adjust_va_to_fit_type aligned_vread aligned_vread_iter aligned_vwrite "
    "alloc_vm_area alloc_vmap_area augment_tree_propagate_check augment_tree_propagate_from check_sparse_vm_area "
    "cleanup_vm_area_work decay_va_pool_node decode_vn_id delayed_vfree_work drain_vmap_area_work encode_vn_id "
    "find_unlink_vmap_area find_va_links find_vmap_lowest_match_check free_purged_blocks free_unmap_vmap_area "
    "free_vm_area free_vmap_area free_vmap_area_noflush free_vmap_block free_work get_vm_area get_vm_area_caller "
    "insert_vmap_area insert_vmap_area_augment ioremap_page_range map_kernel_range map_kernel_range_noflush "
    "map_vm_area merge_or_add_vmap_area merge_or_add_vmap_area_augment new_vmap_block node_alloc node_pool_del_va "
    "node_to_id pcpu_free_vm_areas pcpu_get_vm_areas preload_this_cpu_lock purge_fragmented_blocks "
    "purge_fragmented_blocks_allcpus purge_vmap_area_lazy purge_vmap_node reclaim_and_purge_vmap_areas "
    "reclaim_list_global remap_vmalloc_range remap_vmalloc_range_partial remove_vm_area set_vm_area_page_order "
    "try_purge_vmap_area_lazy unlink_va unlink_va_augment unmap_kernel_range unmap_kernel_range_noflush "
    "unmap_vmap_area va_alloc va_clip vb_alloc vb_free vfree vfree_atomic vm_area_alloc_pages vm_area_free_pages "
    "vm_area_map_pages vm_area_unmap_pages vm_map_ram vm_remove_mappings vm_reset_perms vm_unmap_aliases vm_unmap_ram "
    "vmap vmap_block_vaddr vmap_init_free_space vmap_init_nodes vmap_node_shrink_scan vmap_p4d_range vmap_page_range "
    "vmap_page_range_noflush vmap_pages_p4d_range vmap_pages_pmd_range vmap_pages_pte_range vmap_pages_pud_range "
    "vmap_pages_range vmap_pages_range_noflush vmap_pfn vmap_pfn_apply vmap_pmd_range vmap_pte_range vmap_pud_range "
    "vmap_ram_vread_iter vmap_range_noflush vmap_small_pages_range_noflush vread vread_iter "
    "vrealloc_node_align_noprof vrealloc_noprof vunmap vunmap_p4d_range vunmap_page_range vunmap_pmd_range "
    "vunmap_pte_range vunmap_pud_range vunmap_range vunmap_range_noflush vwrite vzalloc vzalloc_node "
    "vzalloc_node_noprof vzalloc_noprof "
)

REPORTING = frozenset(_NAMES.split())
"""Their names, as ``stack.plain_name`` gives them."""
