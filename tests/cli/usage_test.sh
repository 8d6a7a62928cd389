#!/bin/bash
# The command line as a person meets it: help everywhere, exit statuses, suggestions, completion.
set -u
tapir=${TAPIR:?}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

# expect STATUS PATTERN WORDS...: the exit status, and a line of output that matches.
expect()
{
	local status=$1 pattern=$2 got
	shift 2
	got=$("$tapir" "$@" 2>&1 </dev/null)
	local rc=$?
	if [ $rc -ne "$status" ] || ! grep -qE -- "$pattern" <<<"$got"; then
		echo "tapir $*: status $rc, expected $status and /$pattern/; it said:"
		echo "$got" | sed 's/^/    /'
		failed=1
	fi
}

expect 0 '^tapir [0-9]+\.[0-9]+' --version
expect 0 'rules check' --help
expect 2 'Usage' # nothing at all
for command in run 'rules check' 'rules list' devices 'analyzers list' impair send ping connect listen; do
	expect 0 'Exit status' $command --help
	expect 0 'Example' $command --help
done
expect 2 'did you mean "tapir run"' rum
expect 2 'did you mean "tapir rules check"' rules chekc
expect 2 'tapir rules check' rules
expect 2 'did you mean --disable-detection' run --disable-detecton
expect 2 'no option -Z' run -Z
expect 2 'needs a value' run -r
expect 2 'takes no value' run --test=yes
expect 2 'expected a number' run --workers many -r x
expect 1 'nothing to look at' run
expect 2 'at once' run -r x -i lo
expect 2 'expected none, all or auto' run -k maybe -r x
expect 1 'no-such-file' run -r "$dir/no-such-file" -l "$dir/out"
expect 1 'no-such.yaml' run -r x -c "$dir/no-such.yaml" -l "$dir/out"
printf 'a: [1\n' > "$dir/bad.yaml"
expect 1 'bad.yaml:2:1: not valid YAML' run -T -c "$dir/bad.yaml"
expect 1 'expected key=value' run -T --set nothing
expect 0 'configuration is fine' run -T
expect 2 'which files' rules check
expect 0 '^\[' devices --json
expect 2 'between which two ports' impair lo
expect 2 'loss=200%: expected a chance like 2%' impair a b --loss 200%
expect 2 'delay=5: expected a time like 20ms' impair a b --back delay=5
expect 2 'through which interface' ping 10.0.0.1
expect 2 'which address is ours' ping -i lo 10.0.0.1
expect 2 '-s: expected a number up to 65507, found 70000' ping -s 70000 -i lo --address 10.0.0.2/24 10.0.0.1
expect 2 'to whom' connect -i lo 10.0.0.1
expect 2 'expected a port, found 20-25' connect -i lo 10.0.0.1 20-25
expect 2 'on which port' listen
expect 2 'did you mean --duplicate' impair a b --duplicates 1%
expect 1 'no interface no-such' impair no-such0 no-such1

# Completion: the words that tapir knows itself.
. "$(dirname "$0")/../../cli/completion/tapir.bash"
words()
{
	COMP_WORDS=("$tapir" "$@")
	COMP_CWORD=$#
	COMPREPLY=()
	_tapir
	echo " ${COMPREPLY[*]} "
}
completes()
{
	local want=$1
	shift
	if [[ $(words "$@") != *" $want "* ]]; then
		echo "completion of '$*' lacks $want: $(words "$@")"
		failed=1
	fi
}
completes rules r
completes run r
completes check rules c
completes --rules-only run --ru
completes none run -k n
completes --json devices --j
completes --burst-enter impair --bu
completes --dst-mac send --ds
exit $failed
