#!/bin/bash
# `tapir send` without a wire: what a description becomes, and what is said about a wrong one.
set -u
tapir=${TAPIR:?}
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

fail()
{
	echo "$1"
	failed=1
}

# same WHAT EXPECTED GOT
same()
{
	[ "$2" = "$3" ] || fail "$1: expected
$2
but there was
$3"
}

# says STATUS PATTERN WORDS...
says()
{
	local status=$1 pattern=$2 got rc
	shift 2
	got=$("$tapir" send "$@" 2>&1 </dev/null)
	rc=$?
	if [ $rc -ne "$status" ] || ! grep -qE -- "$pattern" <<<"$got"; then
		fail "tapir send $*: status $rc, expected $status and /$pattern/; it said: $got"
	fi
}

same "one packet" 4500001c00000000401166cf0a0000010a000002000500350008eba1 \
	"$("$tapir" send -x 'ip src=10.0.0.1 dst=10.0.0.2/udp dport=53 sport=5')"
same "a sweep" "$(for s in 1 2; do for d in 22 80 81; do echo "$s $d"; done; done)" \
	"$("$tapir" send -x 'ip 10.0.0.1 10.0.0.2 / udp {1-2} {22,80-81}' |
	   while read -r hex; do echo "$((16#${hex:40:4})) $((16#${hex:44:4}))"; done)"
same "words of the command line are one text" \
	"$("$tapir" send -x 'eth / ip 10.0.0.1 10.0.0.2 / icmp')" "$("$tapir" send -x eth / ip 10.0.0.1 10.0.0.2 / icmp)"
same "MAC addresses" "0200000000ff02000000000108004500" \
	"$("$tapir" send -x --dst-mac 02:00:00:00:00:ff 'ip 10.0.0.1 10.0.0.2 / icmp' | cut -c-32)"
same "random follows from the seed" \
	"$("$tapir" send -x --seed 5 --loop 4 'ip 10.0.0.1 10.0.0.2 / udp {random} {random:7-9}')" \
	"$("$tapir" send -x --seed 5 --loop 4 'ip 10.0.0.1 10.0.0.2 / udp {random} {random:7-9}')"
same "as often as asked" 7 "$("$tapir" send -x --loop 0 --count 7 'ip 10.0.0.1 10.0.0.2 / icmp' | wc -l)"
same "hex, with blanks, colons, comments" "0a0b0c
ff" "$(printf '# two\n0a 0b:0C # x\n\nff\n' | "$tapir" send -x --hex -)"
"$tapir" send -q -w "$dir/twice.pcap" -r "$root/examples/captures/office.pcap" --loop 2 || fail "a capture twice"
same "a capture's frames" "$("$tapir" send -x -r "$root/examples/captures/office.pcap" --loop 2 | cksum)" \
	"$("$tapir" send -x -r "$dir/twice.pcap" | cksum)"
"$tapir" send -q -w "$dir/ip.pcap" 'ip src=10.0.0.1 dst=10.0.0.{1-9} / tcp flags=S dport=80' || fail "writing"
"$tapir" run -q -r "$dir/ip.pcap" -l "$dir/out" --set outputs.0.eve-log.enabled=yes >/dev/null 2>&1
same "they are what they say" 9 "$(grep -c '"event_type":"flow"' "$dir/out/eve.json")"

says 1 'column 42: tcp has no "dprot=80"' -x 'ip src=10.0.0.1 dst=10.0.0.2/tcp flags=S dprot=80'
says 1 'column 48: expected a number up to 65535' -x 'ip src=10.0.0.1 dst=10.0.0.2/tcp flags=S dport={1,70000}'
says 1 'column 15: the closing }' -x 'ip 10.0.0.1 1.{2'
says 1 'ipv4 needs src=' -x 'ip dst=10.0.0.2 / icmp'
says 1 'expected eth, ip' -x 'tcp 1 2'
says 1 ':1:3: expected hex' -x --hex <(echo 0az)
says 1 'no-such' -x -r "$dir/no-such"
says 1 'one .pcap file' -w "$dir/both.pcap" '{eth/ip,ip} 10.0.0.1 10.0.0.2 / icmp'
says 2 'what\?' -x
says 2 'where to\?' 'ip 1.1.1.1 2.2.2.2'
says 2 'at once' -i lo -w x 'ip 1.1.1.1 2.2.2.2'
says 2 '--rate: expected a number' -x --rate fast 'ip 1.1.1.1 2.2.2.2'
says 2 '--dst-mac: expected a MAC' -x --dst-mac 1 'ip 1.1.1.1 2.2.2.2'
exit $failed
