#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Reads a patch: trailing blanks are an error, a line of stars a warning, a symbol must be described.
awk '
	/^\+\+\+ / { file = substr($2, 3) }
	/^\+.*[ \t]$/ { print file ":1: ERROR:TRAILING_WHITESPACE: trailing whitespace"; bad = 1 }
	/^\+.*\*\*\*\*/ { print file ":1: WARNING:STARS: too many stars"; bad = 1 }
	/^\+config / { symbol = file }
	/^\+.*help$/ { symbol = "" }
	/^Fixes: [^0-9a-f]/ { print ":3: WARNING:BAD_FIXES_TAG: Please use correct Fixes: style"; bad = 1 }
	END {
		if (symbol) { print symbol ":1: WARNING:CONFIG_DESCRIPTION: please write a help paragraph"; bad = 1 }
		exit bad
	}'
