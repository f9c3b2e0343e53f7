# SPDX-License-Identifier: GPL-2.0-only
# conf.sh KCONFIG ASKED: the .config for what is asked. One dependency per symbol, no menus; a bad line is an error.
cat "$1" "$(dirname "$1")/drivers/dma-buf/Kconfig" | awk -v asked="$2" -v kconfig="$1" '
	BEGIN { while ((getline line < asked) > 0) if (match(line, /^CONFIG_[A-Z_]+=/)) want[substr(line, 8, RLENGTH - 8)] = substr(line, RLENGTH + 1) }
	$1 == "nonsense" { print kconfig ":" FNR ": unknown statement \"nonsense\"" > "/dev/stderr"; exit 1 }
	$1 == "config" { symbol = $2; order[++count] = symbol }
	$1 == "depends" && $3 != "nothing:" { needs[symbol] = $3 }
	END {
		for (i = 1; i <= count; i++) {
			s = order[i]; ok = (s in want) && (!(s in needs) || value[needs[s]] == "y")
			if (ok) { value[s] = want[s]; print "CONFIG_" s "=" want[s] } else print "# CONFIG_" s " is not set"
		}
	}'
