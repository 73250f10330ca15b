# Sourced by scripts that run several checks.

# Runs a command and prints how long it took.
part() {
    local name=$1 begun=$SECONDS
    shift
    "$@"
    echo "part: $name, $((SECONDS - begun)) s"
}
