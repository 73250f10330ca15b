//! Links every shader under `shaders/` (imports from `shaders/common/`) into plain WGSL and writes
//! the table that `gpu::shaders` includes. A shader with `@if(subgroups)` is linked twice: as it is
//! named, and with the feature as `<name>_subgroups`.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=shaders");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let page = env::var("CARGO_CFG_TARGET_ARCH")? == "wasm32";
    let mut table = String::from("pub static SHADERS: &[(&str, &str)] = &[\n");
    for name in shader_names(Path::new("shaders"))? {
        let variants: &[(&str, bool)] =
            if uses_subgroups(&name)? { &[("", false), ("_subgroups", true)] } else { &[("", false)] };
        for (suffix, subgroups) in variants {
            let module = format!("package::{}", name.replace('/', "::"));
            let linked = wesl::Wesl::new("shaders")
                .set_feature("subgroups", *subgroups)
                .compile(&module.parse()?)
                .map_err(|error| format!("shaders/{name}.wgsl: {error}"))?;
            let variant = format!("{name}{suffix}");
            let file = out.join(format!("{}.wgsl", variant.replace('/', "_")));
            // What browsers ask for and naga does not know. That a workgroup is one subgroup, which makes
            // uniform what they take for divergent, the host sees to.
            let enable = match *subgroups && page {
                true => "enable subgroups;\ndiagnostic(off, subgroup_uniformity);\n",
                false => "",
            };
            fs::write(&file, format!("{enable}{linked}"))?;
            writeln!(table, "    ({variant:?}, include_str!({file:?})),")?;
        }
    }
    table.push_str("];\n");
    fs::write(out.join("shaders.rs"), table)?;
    Ok(())
}

/// Whether a shader has a variant for adapters with subgroups.
fn uses_subgroups(name: &str) -> Result<bool, Box<dyn Error>> {
    Ok(fs::read_to_string(format!("shaders/{name}.wgsl"))?.contains("@if(subgroups)"))
}

/// `family/name` of every shader, in order, `common/` left out: it holds imports only.
fn shader_names(root: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for family in fs::read_dir(root)? {
        let family = family?;
        let family_name = family.file_name().into_string().map_err(|_| "shader folder name")?;
        if family_name == "common" || !family.file_type()?.is_dir() {
            continue;
        }
        for shader in fs::read_dir(family.path())? {
            let path = shader?.path();
            if path.extension().is_some_and(|e| e == "wgsl") {
                let stem = path.file_stem().and_then(|s| s.to_str()).ok_or("shader file name")?;
                names.push(format!("{family_name}/{stem}"));
            }
        }
    }
    names.sort();
    Ok(names)
}
