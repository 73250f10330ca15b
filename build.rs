//! Links every shader under `shaders/` (imports from `shaders/common/`) into plain WGSL and writes the table `SHADERS`
//! of `gpu/kernels.rs`. A shader with `@if(subgroups)` has a register tile and is linked in several variants: `<name>` for
//! tiles 8 channels wide, `<name>_16`, `<name>_workgroup_<width>` and `<name>_subgroups<lanes>_<width>`.

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
            // Browsers require these directives, naga does not know them. Their uniformity analysis considers values
            // divergent that are uniform within a subgroup.
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

/// Which invocations share the reads of a tile's weights; `gpu::Sharing`.
#[derive(Clone, Copy, PartialEq)]
enum Sharing {
    PerInvocation,
    Workgroup,
    /// Subgroups of this many invocations.
    Subgroup(u32),
}

/// The features that a shader is linked with.
struct Variant {
    sharing: Sharing,
    /// Channels per tile.
    width: u32,
}

impl Variant {
    const PLAIN: Self = Self { sharing: Sharing::PerInvocation, width: 8 };
    /// The variants of a shader with a tile.
    const TILES: [Self; 9] = [
        Self::PLAIN,
        Self { sharing: Sharing::PerInvocation, width: 16 },
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
            Self { sharing: Sharing::PerInvocation, width: 8 } => shader.to_owned(),
            Self { sharing: Sharing::PerInvocation, width } => format!("{shader}_{width}"),
            Self { sharing: Sharing::Workgroup, width } => format!("{shader}_workgroup_{width}"),
            Self { sharing: Sharing::Subgroup(lanes), width } => format!("{shader}_subgroups{lanes}_{width}"),
        }
    }

    /// The conditions of `@if` in shaders.
    fn features(&self) -> Vec<(String, bool)> {
        let lanes = match self.sharing {
            Sharing::Subgroup(lanes) => lanes,
            Sharing::PerInvocation | Sharing::Workgroup => 0,
        };
        let mut all = vec![
            ("per_invocation".to_owned(), self.sharing == Sharing::PerInvocation),
            ("workgroup".to_owned(), self.sharing == Sharing::Workgroup),
            ("subgroups".to_owned(), lanes > 0),
        ];
        all.extend([8, 16, 32].map(|width| (format!("channels{width}"), width == self.width)));
        all.extend([4, 8].map(|n| (format!("lanes{n}"), n == lanes)));
        // vec4s that an invocation of a subgroup reads of four rows as wide as the tile.
        all.extend([1, 2, 4].map(|n| (format!("reads{n}"), n * lanes == self.width)));
        all
    }
}

fn variants(name: &str) -> Result<&'static [Variant], Box<dyn Error>> {
    let tiled = fs::read_to_string(format!("shaders/{name}.wgsl"))?.contains("@if(subgroups)");
    Ok(if tiled { &Variant::TILES } else { &[Variant::PLAIN] })
}

/// `family/name` of every shader, sorted, without `common/`, which contains imports only.
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
