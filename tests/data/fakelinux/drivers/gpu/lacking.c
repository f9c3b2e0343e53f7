// SPDX-License-Identifier: GPL-2.0-only
#include "asic_reg_that_is_missing.h"
