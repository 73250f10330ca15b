//! Links every shader under `shaders/` (imports from `shaders/common/`) into plain WGSL and writes
//! the table that `gpu::shaders` includes. A shader with `@if(subgroups)` is linked as it is named, and for each width
//! of its tile as `<name>_subgroups_<width>`, with the features `subgroups` and `channels<width>`.

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
        let module = format!("package::{}", name.replace('/', "::"));
        for variant in variants(&name)? {
            let mut linker = wesl::Wesl::new("shaders");
            linker.set_feature("subgroups", variant.subgroups);
            for width in WIDTHS {
                linker.set_feature(&format!("channels{width}"), width == variant.width);
            }
            let linked =
                linker.compile(&module.parse()?).map_err(|error| format!("shaders/{name}.wgsl: {error}"))?;
            let variant_name = variant.name(&name);
            let file = out.join(format!("{}.wgsl", variant_name.replace('/', "_")));
            // What browsers ask for and naga does not know. That a workgroup is one subgroup, which makes
            // uniform what they take for divergent, the host sees to.
            let enable = match variant.subgroups && page {
                true => "enable subgroups;\ndiagnostic(off, subgroup_uniformity);\n",
                false => "",
            };
            fs::write(&file, format!("{enable}{linked}"))?;
            writeln!(table, "    ({variant_name:?}, include_str!({file:?})),")?;
        }
    }
    table.push_str("];\n");
    fs::write(out.join("shaders.rs"), table)?;
    Ok(())
}

/// Widths of a tile in channels.
const WIDTHS: [u32; 3] = [8, 16, 32];

/// With what a shader is linked.
struct Variant {
    subgroups: bool,
    width: u32,
}

impl Variant {
    const PLAIN: Self = Self { subgroups: false, width: 8 };

    fn name(&self, shader: &str) -> String {
        match self.subgroups {
            true => format!("{shader}_subgroups_{}", self.width),
            false => shader.to_owned(),
        }
    }
}

/// The plain variant and, of a shader that knows subgroups, one for each width of its tile.
fn variants(name: &str) -> Result<Vec<Variant>, Box<dyn Error>> {
    let mut all = vec![Variant::PLAIN];
    if fs::read_to_string(format!("shaders/{name}.wgsl"))?.contains("@if(subgroups)") {
        all.extend(WIDTHS.map(|width| Variant { subgroups: true, width }));
    }
    Ok(all)
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
