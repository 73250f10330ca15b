//! Links every shader under `shaders/` (imports from `shaders/common/`) into plain WGSL and writes
//! the table that `gpu::shaders` includes. A shader that asks for `subgroups` has a tile, and is linked as it is named
//! for tiles of 8 channels, as `<name>_16`, `<name>_workgroup_<width>` and `<name>_subgroups<lanes>_<width>`.

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
            for (feature, on) in variant.features() {
                linker.set_feature(&feature, on);
            }
            let linked =
                linker.compile(&module.parse()?).map_err(|error| format!("shaders/{name}.wgsl: {error}"))?;
            let variant_name = variant.name(&name);
            let file = out.join(format!("{}.wgsl", variant_name.replace('/', "_")));
            // What browsers ask for and naga does not know. They take for divergent what is the same for all
            // invocations of a subgroup.
            let enable = match matches!(variant.sharing, Sharing::Subgroup(_)) && page {
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

/// Who reads a tile's weights.
#[derive(Clone, Copy, PartialEq)]
enum Sharing {
    Alone,
    Workgroup,
    /// Of so many invocations.
    Subgroup(u32),
}

/// With what a shader is linked.
struct Variant {
    /// Invocations that read together: a subgroup's, all of a workgroup, or each alone.
    sharing: Sharing,
    /// Channels of a tile.
    width: u32,
}

impl Variant {
    const PLAIN: Self = Self { sharing: Sharing::Alone, width: 8 };
    /// Of a shader that has a tile.
    const TILES: [Self; 9] = [
        Self::PLAIN,
        Self { sharing: Sharing::Alone, width: 16 },
        Self { sharing: Sharing::Workgroup, width: 8 },
        Self { sharing: Sharing::Workgroup, width: 16 },
        Self { sharing: Sharing::Subgroup(4), width: 8 },
        Self { sharing: Sharing::Subgroup(4), width: 16 },
        Self { sharing: Sharing::Subgroup(8), width: 8 },
        Self { sharing: Sharing::Subgroup(8), width: 16 },
        Self { sharing: Sharing::Subgroup(8), width: 32 },
    ];

    fn name(&self, shader: &str) -> String {
        match self {
            Self { sharing: Sharing::Alone, width: 8 } => shader.to_owned(),
            Self { sharing: Sharing::Alone, width } => format!("{shader}_{width}"),
            Self { sharing: Sharing::Workgroup, width } => format!("{shader}_workgroup_{width}"),
            Self { sharing: Sharing::Subgroup(lanes), width } => format!("{shader}_subgroups{lanes}_{width}"),
        }
    }

    /// What shaders may ask for with `@if`.
    fn features(&self) -> Vec<(String, bool)> {
        let lanes = match self.sharing {
            Sharing::Subgroup(lanes) => lanes,
            Sharing::Alone | Sharing::Workgroup => 0,
        };
        let mut all = vec![
            ("alone".to_owned(), self.sharing == Sharing::Alone),
            ("workgroup".to_owned(), self.sharing == Sharing::Workgroup),
            ("subgroups".to_owned(), lanes > 0),
        ];
        all.extend([8, 16, 32].map(|width| (format!("channels{width}"), width == self.width)));
        all.extend([4, 8].map(|n| (format!("lanes{n}"), n == lanes)));
        // Quads that an invocation reads of four rows as wide as the tile.
        all.extend([1, 2, 4].map(|n| (format!("reads{n}"), n * lanes == self.width)));
        all
    }
}

fn variants(name: &str) -> Result<&'static [Variant], Box<dyn Error>> {
    let tiled = fs::read_to_string(format!("shaders/{name}.wgsl"))?.contains("@if(subgroups)");
    Ok(if tiled { &Variant::TILES } else { &[Variant::PLAIN] })
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
