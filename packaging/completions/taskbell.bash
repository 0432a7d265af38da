# bash completion for taskbell(1). What can follow is asked of the program itself.
# shellcheck shell=bash

_taskbell()
{
	local breaks=${COMP_WORDBREAKS//[^=:@]/} words=() glue=no alone cur lead line word i

	# bash takes words apart at some characters: put them together again
	for ((i = 1; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		alone=no
		[[ -n $breaks && -n $word && -z ${word//[$breaks]/} ]] && alone=yes
		if [[ ${#words[@]} -gt 0 && ($glue == yes || $alone == yes) ]]; then
			words[-1]+=$word
		else
			words+=("$word")
		fi
		glue=$alone
	done
	# complete only what stands behind the last of them; readline leaves @ to the word
	cur=${words[-1]}
	lead=
	[[ -n $breaks ]] && lead=${cur%"${cur##*["$breaks"]}"} && lead=${lead%@}

	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:files) compopt -o default 2>/dev/null ;;
		:directories) compopt -o dirnames 2>/dev/null ;;
		*)
			line=${line%%$'\t'*}
			COMPREPLY+=("${line#"$lead"}")
			;;
		esac
	done < <(command taskbell __complete -- "${words[@]}" 2>/dev/null)
}

complete -F _taskbell taskbell
