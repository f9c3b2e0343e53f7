#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# -f FILE: who cares for it, after the F: lines of MAINTAINERS. --self-test=...: those of them that match nothing.
# shellcheck disable=SC2086,SC2254 # an F: line is a pattern
for last; do :; done
entry="THE REST"
while IFS='	' read -r tag pattern; do
	line=$((line + 1))
	[ "$tag" = F: ] || continue
	case $last in
	--self-test*)
		found=$(ls -d $pattern 2> /dev/null)
		[ "$found" ] || printf './MAINTAINERS:%d: warning: no file matches\tF:\t%s\n' $line "$pattern" ;;
	$pattern) entry="FILES IN MINIATURE" ;;
	esac
done < MAINTAINERS
case $last in --self-test*) exit 0 ;; esac
[ -e "$last" ] || { echo "get_maintainer.pl: file '$last' not found"; exit 2; }
echo "A <a@b.example> (maintainer:$entry)"
