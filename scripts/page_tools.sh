# Sourced by the page's scripts: finds or installs what builds the page. Defines
#   page_cargo ARGS   the cargo that builds for WebAssembly
#   page_target       its target folder
#   page_example NAME builds an example for a page to import
#   wasm_bindgen      the program, in the version of Cargo.lock
#   wasm_opt          npm's: slow, but Debian 12's (108) writes a program with wrong reference tables

. scripts/packages.sh

page_target=$PWD/target/page

page_cargo() {
    local target=wasm32-unknown-unknown
    if command -v rustup >/dev/null && rustup target list --installed 2>/dev/null | grep -qx "$target"; then
        CARGO_TARGET_DIR=$page_target cargo "$@" --target "$target"
        return
    fi
    # Debian's compiler has the target's code generator but neither its library nor, in PATH, a linker for it.
    if ! [ -x /usr/bin/cargo ] || ! dpkg -s rustc-web rust-web-src >/dev/null 2>&1; then
        install_packages rustc-web cargo-web rust-web-src
    fi
    local linkers
    linkers=$(for root in "$(/usr/bin/rustc --print sysroot)" "$(rustc --print sysroot)"; do
        find "$root/lib/rustlib" -name rust-lld -printf '%h\n' 2>/dev/null
    done | head -n 1)
    if [ -z "$linkers" ] && ! command -v rust-lld >/dev/null; then
        echo "no rust-lld: install lld, or rustup with the target $target" >&2
        return 1
    fi
    PATH=/usr/bin:$linkers:$PATH RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$page_target \
        CARGO_UNSTABLE_BUILD_STD=std,panic_abort /usr/bin/cargo "$@" --target "$target"
}

# Builds an example of that name into $page_target/NAME, for a page to import.
page_example() {
    page_cargo build --profile page --example "$1"
    rm -rf "${page_target:?}/$1"
    "$wasm_bindgen" --target web --no-typescript --out-dir "$page_target/$1" \
        "$page_target/wasm32-unknown-unknown/page/examples/$1.wasm"
}

wasm_bindgen_version=$(sed -n '/^name = "wasm-bindgen"$/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)
wasm_bindgen=target/tools/bin/wasm-bindgen
if ! "$wasm_bindgen" --version 2>/dev/null | grep -q " $wasm_bindgen_version$"; then
    echo "installing wasm-bindgen-cli $wasm_bindgen_version" >&2
    # A registry mirror may lack the exact versions of the lock file.
    cargo install --locked --root target/tools wasm-bindgen-cli --version "$wasm_bindgen_version" ||
        cargo install --root target/tools wasm-bindgen-cli --version "$wasm_bindgen_version"
fi
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    install_packages nodejs npm
fi
if ! [ -x web/node_modules/.bin/wasm-opt ] || ! [ -d web/node_modules/playwright-core ]; then
    (cd web && npm ci --no-audit --no-fund) >&2
fi
wasm_opt=web/node_modules/.bin/wasm-opt
