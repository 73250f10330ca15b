# Sourced by scripts that install Debian's or Ubuntu's packages.

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

install_packages() {
    echo "installing $*" >&2
    { as_root apt-get update && as_root apt-get install -y --no-install-recommends "$@"; } >&2
}
