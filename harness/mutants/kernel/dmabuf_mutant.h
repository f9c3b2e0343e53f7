/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _LINUX_DMABUF_MUTANT_H
#define _LINUX_DMABUF_MUTANT_H

#include <linux/compiler.h>
#include <linux/types.h>

/* Numbers are below this. */
#define DMABUF_MUTANTS	4096

extern u32 dmabuf_mutant;
extern u8 dmabuf_mutant_passed[DMABUF_MUTANTS];

/* True if this mutant was chosen; notes that the question was asked. */
#define DMABUF_MUTANT(number)						\
({									\
	if (!READ_ONCE(dmabuf_mutant_passed[number]))			\
		WRITE_ONCE(dmabuf_mutant_passed[number], 1);		\
	unlikely(READ_ONCE(dmabuf_mutant) == (number));			\
})

#endif /* _LINUX_DMABUF_MUTANT_H */
