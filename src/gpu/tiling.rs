//! How matrix products are divided into invocations, and which divisions an adapter can run.

use std::fmt;

/// Which invocations share the second matrix of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Each invocation reads it itself.
    PerInvocation,
    /// A workgroup stages it in workgroup memory.
    Workgroup,
    /// A subgroup of 4 or 8 invocations broadcasts it.
    Subgroup(u32),
    /// A workgroup stages both matrices and computes a block: this one, or the one that suits the product.
    Block(Option<Block>),
}

/// A block of a matrix product that a workgroup computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    pub rows: usize,
    pub columns: usize,
    /// Terms of the sum that are staged at a time.
    pub depth: usize,
    /// Rows and columns per invocation.
    pub per_invocation: [usize; 2],
}

impl Block {
    const fn new([rows, columns, depth]: [usize; 3], per_invocation: [usize; 2]) -> Self {
        Self { rows, columns, depth, per_invocation }
    }

    /// All blocks that shaders are linked for (`build.rs`).
    pub const ALL: [Self; 5] = [
        Self::new([128, 64, 16], [8, 8]),
        Self::new([128, 64, 16], [8, 4]),
        Self::new([256, 32, 8], [8, 4]),
        Self::new([128, 16, 16], [4, 4]),
        Self::new([64, 32, 32], [4, 4]),
    ];
    /// For few rows, as it gives more workgroups, and for 32 columns of long sums: on an H200 it is 1.02 to 1.14 times as
    /// fast there as the wider block.
    const SMALL: Self = Self::ALL[4];
    /// Workgroups below which much of a discrete GPU is idle: about two for each of its cores.
    const ENOUGH: usize = 192;

    /// The block that suits a product of `rows` x `columns` whose sum has `depth` terms in a row: the largest that is not
    /// wider than the product and still gives enough workgroups. None for sums of less than eight terms.
    ///
    /// # Examples
    /// ```
    /// use remixmatch::gpu::Block;
    ///
    /// let block = |rows, columns| Block::suitable(rows, columns, 16).map(|block| [block.rows, block.columns]);
    /// assert_eq!(block(65_536, 32), Some([256, 32]));
    /// assert_eq!(block(65_536, 64), Some([128, 64]));
    /// assert_eq!(block(4_096, 128), Some([64, 32]), "with few pixels, smaller blocks");
    /// assert_eq!(Block::suitable(65_536, 16, 4), None);
    /// ```
    pub fn suitable(rows: usize, columns: usize, depth: usize) -> Option<Self> {
        let workgroups = |block: &Self| rows.div_ceil(block.rows) * columns.div_ceil(block.columns);
        let fits = |block: &Self| block.depth <= depth && workgroups(block) >= Self::ENOUGH;
        match columns {
            _ if depth < 8 => None,
            ..=16 => Some(Self::ALL[3]).filter(fits),
            17..=32 => Some(Self::ALL[2]).filter(|block| depth < Self::SMALL.depth && fits(block)),
            _ => Some(Self::ALL[0]).filter(fits),
        }
        .or(Some(Self::SMALL).filter(|_| depth >= 8))
    }

    /// Invocations per workgroup.
    pub fn group(&self) -> usize {
        self.rows / self.per_invocation[0] * (self.columns / self.per_invocation[1])
    }
}

/// `<rows>x<columns>x<depth>_<rows>x<columns per invocation>`, as in the names of shaders.
impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [rows, columns] = self.per_invocation;
        write!(f, "{}x{}x{}_{rows}x{columns}", self.rows, self.columns, self.depth)
    }
}

/// How matrix products are divided into invocations: each computes a tile of 4 rows x `columns`, unless the workgroup
/// computes a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiling {
    /// Invocations per workgroup.
    pub group: u32,
    pub sharing: Sharing,
    /// Largest number of columns in a tile: 8, 16 or, in subgroups of eight and on software adapters, 32.
    pub columns: usize,
}

impl Tiling {
    /// For GPUs: at least a wave per workgroup.
    pub const WAVE: Self = Self { group: 64, sharing: Sharing::PerInvocation, columns: 8 };
    /// For software adapters: they run one SIMD register's worth of invocations at a time and gain nothing from more.
    pub const REGISTER: Self = Self { group: 8, ..Self::WAVE };
    /// For GPUs: the block that suits each product; tiles as [`Tiling::WAVE`] where none does.
    pub const BLOCKS: Self = Self { sharing: Sharing::Block(None), ..Self::WAVE };

    /// The widest tile that divides `columns`, at most [`Tiling::columns`]; 8 if none does.
    pub fn width(self, columns: usize) -> usize {
        let fills = |width: &usize| *width <= self.columns && columns.is_multiple_of(*width);
        [32, 16].into_iter().find(fills).unwrap_or(8)
    }

    /// The tile of the width that a product of so many columns gets.
    #[must_use]
    pub fn narrowed(self, columns: usize) -> Self {
        Self { columns: self.width(columns), ..self }
    }

    /// The block for a product of `rows` x `columns` whose sum has `depth` terms in a row; none for tiles.
    pub fn block(self, rows: usize, columns: usize, depth: usize) -> Option<Block> {
        match self.sharing {
            Sharing::Block(Some(block)) => Some(block),
            Sharing::Block(None) => Block::suitable(rows, columns, depth),
            Sharing::PerInvocation | Sharing::Workgroup | Sharing::Subgroup(_) => None,
        }
    }
}

/// A name that is unique among an adapter's tiles: `subgroups-8x32` (lanes x columns), `workgroup-64x16` and
/// `invocation-64x8` (invocations x columns), `blocks` and `block-128x64x16_8x8`.
impl fmt::Display for Tiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sharing {
            Sharing::PerInvocation => write!(f, "invocation-{}x{}", self.group, self.columns),
            Sharing::Workgroup => write!(f, "workgroup-{}x{}", self.group, self.columns),
            Sharing::Subgroup(lanes) => write!(f, "subgroups-{lanes}x{}", self.columns),
            Sharing::Block(None) => f.write_str("blocks"),
            Sharing::Block(Some(block)) => write!(f, "block-{block}"),
        }
    }
}

/// The tiles for an adapter, software or not, whose subgroups may have exactly four or eight invocations: in the order of
/// their expected speed.
pub(super) fn candidates(software: bool, lanes: Option<u32>) -> Vec<Tiling> {
    let plain = if software { Tiling::REGISTER } else { Tiling::WAVE };
    let subgroup = |lanes, columns| Tiling { group: 8, sharing: Sharing::Subgroup(lanes), columns };
    let mut all = Vec::new();
    if !software {
        all.push(Tiling::BLOCKS);
    }
    match lanes {
        Some(8) => all.extend([32, 16, 8].map(|columns| subgroup(8, columns))),
        Some(4) => all.extend([8, 16].map(|columns| subgroup(4, columns))),
        _ => {}
    }
    let widths: &[usize] = if software { &[8, 16, 32] } else { &[8, 16] };
    all.extend(widths.iter().map(|&columns| Tiling { columns, ..plain }));
    if !software {
        let sharing = Sharing::Workgroup;
        all.extend([8, 16].map(|columns| Tiling { sharing, columns, ..plain }));
    }
    all
}
