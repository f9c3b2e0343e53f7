// SPDX-License-Identifier: GPL-2.0-only
#include <linux/dma-buf.h>
#include <no/such.h>
