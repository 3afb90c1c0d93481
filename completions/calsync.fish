# fish completion for calsync: every word comes from `calsync __complete`.

function __calsync_complete
    set -l tokens (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($tokens[1] __complete $tokens[2..-1] "$current" 2>/dev/null)

    if test "$lines[1]" = :file
        __fish_complete_path (string replace -r '^--[^=]*=' '' -- "$current")
    else if set -q lines[1]
        printf '%s\n' $lines
    end
end

complete -c calsync -f -a '(__calsync_complete)'
