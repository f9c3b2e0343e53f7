/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included in front of each object that counts, so that "return -EINVAL;" is a
 * block of its own: the compiler joins the empty ones, and which of two lines
 * ran could not be told. One statement, since it may be the body of an if.
 */
#define return for (({ asm volatile (""); }); ; ) return
