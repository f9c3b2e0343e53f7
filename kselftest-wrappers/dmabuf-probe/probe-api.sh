#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Print those names PROBE_HAS_... in SOURCE whose lines compile: sh THIS SOURCE CC FLAGS...
# An error on any other line, or none on the line PROBE_CONTROL that must have
# one, means that nothing can be said: PROBE_API_UNREADABLE, see compat.h.

source=$1
shift

# ccache names files by their absolute paths, whichever path it was given.
LC_ALL=C "$@" -fsyntax-only -x c "$source" 2>&1 | awk -v source="$source" '
	function unreadable(why) {
		reasons = reasons "\n" why
	}

	function name_of(path, parts) {
		return parts[split(path, parts, "/")]
	}

	/ error: / {
		split($0, place, ":")
		if (name_of(place[1]) == name_of(source)) {
			wrong[place[2]] = $0
			next
		}
	}
	/ error: / { unreadable($0) }

	END {
		while ((getline text < source) > 0) {
			line++
			if (text !~ /^\tPROBE\(PROBE_[A-Z_]+, .*\);$/) {
				if (line in wrong)
					unreadable(wrong[line])
				continue
			}
			name = text
			gsub(/^\tPROBE\(|, .*$/, "", name)
			if (name == "PROBE_CONTROL")
				controlled = line in wrong
			else if (!(line in wrong))
				names = names " " name
		}
		if (!controlled)
			unreadable("the compiler does not say what it lacks")
		if (reasons == "") {
			print names
		} else {
			print "PROBE_API_UNREADABLE"
			print "dmabuf-probe: cannot read the dma-buf API:" reasons > "/dev/stderr"
		}
	}'
