//! Links every shader under `shaders/` (imports from `shaders/common/`) into plain WGSL and writes the table `SHADERS`
//! of `gpu/kernels.rs`. A shader with `@if(subgroups)` has a register tile and is linked in several variants: `<name>` for
//! tiles 8 channels wide, `<name>_16`, `<name>_workgroup_<width>` and `<name>_subgroups<lanes>_<width>`. One whose name
//! ends in `_block` is linked as `<name>_<pixels>x<channels>x<depth>_<rows>x<columns>`, or as
//! `<name>_<channels>_<rows>x<columns>` where it has no blocks of pixels; one with `@if(channels64)` alone as
//! `<name>_<channels>`. One with `@if(kernel5)` is linked as `<name>_3` and `<name>_5`; one that imports
//! `common/activation` as `<name>`, `<name>_relu6` and `<name>_linear`. A shader of feature maps is linked once more as
//! `<variant>_half`. One with a comment `// In range: ` is in the table `PROVEN` too.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=shaders");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let page = env::var("CARGO_CFG_TARGET_ARCH")? == "wasm32";
    let mut table = String::from("pub static SHADERS: &[(&str, &str)] = &[\n");
    let mut proven = String::from("static PROVEN: &[&str] = &[\n");
    for name in shader_names(Path::new("shaders"))? {
        let module = format!("package::{}", name.replace('/', "::"));
        let source = fs::read_to_string(format!("shaders/{name}.wgsl"))?;
        let is_proven = source.contains("// In range: ");
        for variant in variants(&name)?.into_iter().flat_map(storages(&source)) {
            let mut linker = wesl::Wesl::new("shaders");
            for (feature, on) in variant.features {
                linker.set_feature(&feature, on);
            }
            let linked =
                linker.compile(&module.parse()?).map_err(|error| format!("shaders/{name}.wgsl: {error}"))?;
            let variant_name = variant.name;
            let file = out.join(format!("{}.wgsl", variant_name.replace('/', "_")));
            // Browsers require these directives, naga does not know them. Their uniformity analysis considers values
            // divergent that are uniform within a subgroup.
            let subgroups = match variant_name.contains("_subgroups") && page {
                true => "enable subgroups;\ndiagnostic(off, subgroup_uniformity);\n",
                false => "",
            };
            let half = if variant_name.ends_with(HALF) { "enable f16;\n" } else { "" };
            fs::write(&file, format!("{half}{subgroups}{linked}"))?;
            writeln!(table, "    ({variant_name:?}, include_str!({file:?})),")?;
            if is_proven {
                writeln!(proven, "    {variant_name:?},")?;
            }
        }
    }
    fs::write(out.join("shaders.rs"), format!("{table}];\n{proven}];\n"))?;
    Ok(())
}

/// Ends the name of a variant whose feature maps are stored as f16.
const HALF: &str = "_half";

/// The variants of a variant of the shader `source`: one that reads or writes feature maps stores them as f32 or as f16.
fn storages(source: &str) -> impl Fn(Variant) -> Vec<Variant> + use<> {
    let has_maps = source.contains("import package::common::maps::");
    move |variant| {
        let stored = |half: bool| {
            let mut features = variant.features.clone();
            features.push(("half".to_owned(), half));
            Variant { name: format!("{}{}", variant.name, if half { HALF } else { "" }), features }
        };
        if has_maps { vec![stored(false), stored(true)] } else { vec![stored(false)] }
    }
}

/// Which invocations share the reads of a tile's weights; `gpu::Sharing`.
#[derive(Clone, Copy, PartialEq)]
enum Sharing {
    PerInvocation,
    Workgroup,
    /// Subgroups of this many invocations.
    Subgroup(u32),
}

/// A shader as it is linked: its name in the table and the conditions of its `@if`.
struct Variant {
    name: String,
    features: Vec<(String, bool)>,
}

/// Sharing and channels per tile of the variants of a shader with a register tile.
const TILES: [(Sharing, u32); 10] = [
    (Sharing::PerInvocation, 8),
    (Sharing::PerInvocation, 16),
    (Sharing::PerInvocation, 32),
    (Sharing::Workgroup, 8),
    (Sharing::Workgroup, 16),
    (Sharing::Subgroup(4), 8),
    (Sharing::Subgroup(4), 16),
    (Sharing::Subgroup(8), 8),
    (Sharing::Subgroup(8), 16),
    (Sharing::Subgroup(8), 32),
];

/// Pixels, channels and depth of a block, then pixels and channels per invocation; `BLOCKS` of `nn/conv2d.rs`.
const BLOCKS: [[u32; 5]; 5] =
    [[128, 16, 16, 4, 4], [256, 32, 8, 8, 4], [128, 64, 16, 8, 4], [128, 64, 16, 8, 8], [64, 32, 32, 4, 4]];

/// Channels of a block of three taps of the weight gradient.
const ROW_BLOCKS: [u32; 2] = [32, 64];

/// Channels of a block of the weight gradient, then input and output channels per invocation.
const WEIGHT_BLOCKS: [[u32; 3]; 2] = [[32, 4, 4], [64, 8, 8]];

fn tile(shader: &str, sharing: Sharing, width: u32) -> Variant {
    let name = match sharing {
        Sharing::PerInvocation if width == 8 => shader.to_owned(),
        Sharing::PerInvocation => format!("{shader}_{width}"),
        Sharing::Workgroup => format!("{shader}_workgroup_{width}"),
        Sharing::Subgroup(lanes) => format!("{shader}_subgroups{lanes}_{width}"),
    };
    let lanes = match sharing {
        Sharing::Subgroup(lanes) => lanes,
        Sharing::PerInvocation | Sharing::Workgroup => 0,
    };
    let mut features = vec![
        ("per_invocation".to_owned(), sharing == Sharing::PerInvocation),
        ("workgroup".to_owned(), sharing == Sharing::Workgroup),
        ("subgroups".to_owned(), lanes > 0),
    ];
    features.extend(one_of("channels", &[8, 16, 32], width));
    features.extend(one_of("lanes", &[4, 8], lanes));
    // vec4s that an invocation of a subgroup reads of four rows as wide as the tile.
    features.extend([1, 2, 4].map(|n| (format!("reads{n}"), n * lanes == width)));
    Variant { name, features }
}

fn block(shader: &str, [pixels, channels, depth, rows, columns]: [u32; 5]) -> Variant {
    let group = pixels / rows * (channels / columns);
    let mut features = register_tile();
    features.extend(one_of("pixels", &[64, 128, 256], pixels));
    features.extend(one_of("channels", &[16, 32, 64], channels));
    features.extend(one_of("depth", &[8, 16, 32], depth));
    features.extend(one_of("rows", &[4, 8], rows));
    features.extend(one_of("columns", &[4, 8], columns));
    // vec4s of pixels that an invocation stages.
    features.extend(one_of("loads", &[2, 4], pixels * depth / 4 / group));
    Variant { name: format!("{shader}_{pixels}x{channels}x{depth}_{rows}x{columns}"), features }
}

fn row_block(shader: &str, channels: u32) -> Variant {
    let mut features = register_tile();
    features.extend(one_of("channels", &[32, 64], channels));
    Variant { name: format!("{shader}_{channels}"), features }
}

fn weight_block(shader: &str, [channels, rows, columns]: [u32; 3]) -> Variant {
    let mut features = register_tile();
    features.extend(one_of("channels", &[32, 64], channels));
    features.extend(one_of("rows", &[4, 8], rows));
    features.extend(one_of("columns", &[4, 8], columns));
    Variant { name: format!("{shader}_{channels}_{rows}x{columns}"), features }
}

/// A variant for each of `features`, with the name's suffix at the same place.
fn one_per(shader: &str, features: &[&str], suffixes: &[&str]) -> Vec<Variant> {
    let variant = |(index, suffix): (usize, &&str)| Variant {
        name: format!("{shader}{suffix}"),
        features: features.iter().enumerate().map(|(i, name)| ((*name).to_owned(), i == index)).collect(),
    };
    suffixes.iter().enumerate().map(variant).collect()
}

/// Without sharing among invocations, for the functions of `common/tile.wgsl`.
fn register_tile() -> Vec<(String, bool)> {
    ["subgroups", "workgroup", "channels8"].map(|feature| (feature.to_owned(), false)).to_vec()
}

/// `<name><value>` for every value; one of them is on.
fn one_of(name: &str, values: &[u32], on: u32) -> Vec<(String, bool)> {
    values.iter().map(|value| (format!("{name}{value}"), *value == on)).collect()
}

fn variants(name: &str) -> Result<Vec<Variant>, Box<dyn Error>> {
    let source = fs::read_to_string(format!("shaders/{name}.wgsl"))?;
    Ok(match () {
        () if source.contains("@if(pixels64)") => BLOCKS.iter().map(|shape| block(name, *shape)).collect(),
        () if source.contains("@if(rows8)") => {
            WEIGHT_BLOCKS.iter().map(|shape| weight_block(name, *shape)).collect()
        }
        () if source.contains("@if(channels64)") => {
            ROW_BLOCKS.iter().map(|channels| row_block(name, *channels)).collect()
        }
        () if source.contains("@if(subgroups)") => {
            TILES.iter().map(|(how, width)| tile(name, *how, *width)).collect()
        }
        () if source.contains("@if(kernel5)") => one_per(name, &["kernel3", "kernel5"], &["_3", "_5"]),
        () if source.contains("::common::activation::") => {
            one_per(name, &["leaky_relu", "relu6", "linear"], &["", "_relu6", "_linear"])
        }
        () => vec![tile(name, Sharing::PerInvocation, 8)],
    })
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
