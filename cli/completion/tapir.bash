# Completion for bash: source this file, or put it into
# /usr/share/bash-completion/completions/tapir. The words come from tapir itself.
_tapir()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local -a before=("${COMP_WORDS[@]:1:COMP_CWORD-1}")

	COMPREPLY=()
	case $prev in
	-i|--interface|--reject-dev|--af-packet|--af-xdp|--pcap)
		COMPREPLY=($(compgen -W "$(cd /sys/class/net && echo *)" -- "$cur"))
		return ;;
	-k|--checksums)
		COMPREPLY=($(compgen -W "none all auto" -- "$cur"))
		return ;;
	--device)
		COMPREPLY=($(compgen -W "afxdp pcap" -- "$cur"))
		return ;;
	--summary)
		COMPREPLY=($(compgen -W "yes no auto" -- "$cur"))
		return ;;
	-r|-c|-S|-s|-l|-F|--capture|--config|--rules|--rules-only|--log-dir|--filter-file|--include|--data-dir|--pidfile)
		COMPREPLY=($(compgen -f -- "$cur"))
		return ;;
	esac
	if [[ $cur == -* || ${#before[@]} -lt 2 ]]; then
		COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" --complete "${before[@]}" 2>/dev/null)" -- "$cur"))
	fi
	[[ ${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- "$cur"))
}
complete -o filenames -F _tapir tapir
