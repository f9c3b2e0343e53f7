/* SPDX-License-Identifier: GPL-2.0-only */
#define AMDGPU_PINNED 1
