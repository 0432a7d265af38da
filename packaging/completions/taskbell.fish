# fish completion for taskbell(1). What can follow is asked of the program itself.

function __taskbell_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (command taskbell __complete -- $words[2..-1] 2>/dev/null)
        switch $line
            case :files :directories
                set -l lead (string match -r -- '^--[^=]*=' $words[-1])
                set -l begun (string replace -r -- '^--[^=]*=' '' $words[-1])
                if test $line = :files
                    __fish_complete_path $begun | string replace -r -- '^' "$lead"
                else
                    __fish_complete_directories $begun '' | string replace -r -- '^' "$lead"
                end
            case '*'
                printf '%s\n' $line
        end
    end
end

complete -c taskbell -f -a '(__taskbell_complete)'
