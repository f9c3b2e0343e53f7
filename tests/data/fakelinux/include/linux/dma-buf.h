/* SPDX-License-Identifier: GPL-2.0-only */
int sync_file_count(void);
