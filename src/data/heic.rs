//! HEIC photos, as phones take them: a decoder behind the interface of the other image formats.
//!
//! Rotation and mirroring of the container are carried out here; the EXIF orientation repeats them and is not applied.
//! Pixels come with 8 bits per channel. The crate's own `decode` takes a file without an `nclx` property for BT.709 of
//! limited range; phones write such files with the full range of BT.601, the default of MIAF (ISO/IEC 23000-22, 7.3.6.4).

use heic_rs::context::Context;
use heic_rs::hevc::{self, Frame};
use heic_rs::props::ItemProps;
use heic_rs::{
    ChromaFormat, Error, Image, ImageInfo, MatrixCoefficients, Nclx, PixelLayout, Range, color, grid,
    transform,
};
use image::error::{DecodingError, ImageFormatHint};
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError, ImageResult};
use moxcms::{CicpColorPrimaries, CicpProfile, ColorProfile, TransferCharacteristics};

use super::limits::MAX_PIXELS;

/// Bytes of a file's start that [`is_heic`] looks at.
pub(super) const MAGIC_BYTES: usize = 12;

/// Whether a file begins like a HEIC photo.
pub(super) fn is_heic(start: &[u8]) -> bool {
    const BRANDS: [&[u8]; 8] = [b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"];
    start.get(4..8) == Some(b"ftyp") && start.get(8..12).is_some_and(|brand| BRANDS.contains(&brand))
}

/// Codes of ITU-T H.273: transfer characteristics of high dynamic range (PQ, HLG).
const HIGH_RANGE: [u16; 2] = [16, 18];
/// Primaries and transfer characteristics that are sRGB's, unspecified, or close to it.
const SRGB_PRIMARIES: [u16; 2] = [1, 2];
const SRGB_TRANSFER: [u16; 6] = [1, 2, 6, 13, 14, 15];

/// Colours of a file that does not say how they are coded.
const DEFAULT_COLOURS: Nclx = Nclx {
    primaries: 1,
    transfer: 13,
    matrix: MatrixCoefficients::Bt601,
    matrix_code: 6,
    range: Range::Full,
};

/// A HEIC file whose container has been read.
pub(super) struct HeicDecoder {
    bytes: Vec<u8>,
    info: ImageInfo,
    icc: Option<Vec<u8>>,
    colours: Nclx,
}

fn failed(reason: impl ToString) -> ImageError {
    let hint = ImageFormatHint::Name("HEIC".to_owned());
    ImageError::Decoding(DecodingError::new(hint, reason.to_string()))
}

impl HeicDecoder {
    /// Reads the container.
    ///
    /// # Errors
    /// When it is damaged, holds no HEVC image, or the image is of high dynamic range.
    pub fn new(bytes: Vec<u8>) -> ImageResult<Self> {
        let info = heic_rs::probe(&bytes).map_err(failed)?;
        let (icc, colours) = colours_of(&bytes, info.primary_item).map_err(failed)?;
        if icc.is_none() && HIGH_RANGE.contains(&colours.transfer) {
            return Err(failed("its values are of high dynamic range (PQ or HLG)"));
        }
        let icc = icc.or_else(|| profile_of(colours.primaries, colours.transfer));
        Ok(Self { bytes, info, icc, colours })
    }

    fn decode(&self) -> Result<Image, Error> {
        let (container, layout) = (Context::open(&self.bytes)?, self.layout());
        let item = self.info.primary_item;
        let alpha = container.alpha_item(item)?.filter(|_| layout.has_alpha());
        let alpha = alpha.map(|alpha| planes(&container, alpha)).transpose()?;
        let planes = planes(&container, item)?;
        let image = color::convert(&planes, alpha.as_ref(), self.colours, layout, MAX_PIXELS, Some(1))?;
        transform::apply_all(image, &container.props(item)?.transforms)
    }

    fn layout(&self) -> PixelLayout {
        match (self.info.has_alpha, self.info.chroma) {
            (true, _) => PixelLayout::Rgba8,
            (false, ChromaFormat::Monochrome) => PixelLayout::Gray8,
            (false, _) => PixelLayout::Rgb8,
        }
    }
}

/// The ICC profile of an item, and how its colours are coded; the tiles of a grid may say it instead.
fn colours_of(bytes: &[u8], item: u32) -> Result<(Option<Vec<u8>>, Nclx), Error> {
    let container = Context::open(bytes)?;
    let own = container.props(item)?;
    let tile = match container.grid(item)? {
        Some((_, tiles)) => tiles.first().map(|tile| container.props(*tile)).transpose()?,
        None => None,
    };
    let icc = own.icc.or_else(|| tile.as_ref()?.icc).map(<[u8]>::to_vec);
    let colours = own.nclx.or_else(|| tile.as_ref()?.nclx).unwrap_or(DEFAULT_COLOURS);
    Ok((icc, colours))
}

/// The planes of a coded picture.
fn picture(container: &Context<'_>, item: u32, properties: &ItemProps<'_>) -> Result<Frame, Error> {
    let config = properties.hvcc.as_ref().ok_or(Error::MissingBox("hvcC"))?;
    let data = container.item_data(item)?;
    let sets = config.parameter_sets();
    if sets.is_empty() {
        return Err(Error::Malformed("hvcC carries no parameter sets"));
    }
    let frame = hevc::decode_still(&sets, &config.split_nals(&data)?)?;
    frame.validate()?;
    Ok(frame)
}

/// The planes of an item: a picture, or a grid of them.
fn planes(container: &Context<'_>, item: u32) -> Result<Frame, Error> {
    match container.grid(item)? {
        None => picture(container, item, &container.props(item)?),
        Some((grid, tiles)) => {
            let tiles = tiles.into_iter().map(|tile| picture(container, tile, &container.props(tile)?));
            grid::compose(&grid, &tiles.collect::<Result<Vec<_>, _>>()?, MAX_PIXELS)
        }
    }
}

/// The profile of colours that are given by codes, as ICC data; `None` if they are sRGB or unknown.
fn profile_of(primaries: u16, transfer: u16) -> Option<Vec<u8>> {
    if SRGB_PRIMARIES.contains(&primaries) && SRGB_TRANSFER.contains(&transfer) {
        return None;
    }
    let cicp = CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(u8::try_from(primaries).ok()?).ok()?,
        transfer_characteristics: TransferCharacteristics::try_from(u8::try_from(transfer).ok()?).ok()?,
        matrix_coefficients: moxcms::MatrixCoefficients::Identity,
        full_range: true,
    };
    let mut profile = ColorProfile::new_srgb();
    profile.update_rgb_colorimetry_from_cicp(cicp).then(|| profile.encode().ok()).flatten()
}

impl ImageDecoder for HeicDecoder {
    fn dimensions(&self) -> (u32, u32) {
        (self.info.width, self.info.height)
    }

    fn color_type(&self) -> ColorType {
        match self.layout() {
            PixelLayout::Gray8 => ColorType::L8,
            PixelLayout::Rgba8 => ColorType::Rgba8,
            _ => ColorType::Rgb8,
        }
    }

    fn icc_profile(&mut self) -> ImageResult<Option<Vec<u8>>> {
        Ok(self.icc.clone())
    }

    fn orientation(&mut self) -> ImageResult<Orientation> {
        Ok(Orientation::NoTransforms)
    }

    fn read_image(self, buffer: &mut [u8]) -> ImageResult<()> {
        let image = self.decode().map_err(failed)?;
        if (image.width, image.height) != self.dimensions() || image.data.len() != buffer.len() {
            return Err(failed(format!("it has {}x{} pixels, unlike its header", image.width, image.height)));
        }
        buffer.copy_from_slice(&image.data);
        Ok(())
    }

    fn read_image_boxed(self: Box<Self>, buffer: &mut [u8]) -> ImageResult<()> {
        (*self).read_image(buffer)
    }
}
