/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included in front of every main.c of the kernel, of which that of init/ is
 * meant: it calls the constructors, by which objects tell of their counters.
 * Told by a header that only init/ has. CONFIG_CONSTRUCTORS itself would be
 * a part of struct module, and so of nearly all objects.
 */
#if __has_include("do_mounts.h")
#define CONFIG_CONSTRUCTORS 1
#endif
