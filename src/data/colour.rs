//! Colour profiles (ICC) of image files: their colours are converted to sRGB, which is what images without a profile
//! are taken for.
//!
//! A profile that is sRGB by another name changes nothing, bit for bit. Neither does one that cannot be read or is for
//! other channels than the decoded ones (a CMYK profile: the decoder has already converted to RGB).

use std::cell::RefCell;
use std::sync::Arc;

use image::{DynamicImage, GrayImage, RgbImage};
use moxcms::{
    ColorProfile, DataColorSpace, Layout, LocalizableString, ProfileText, Transform8BitExecutor,
    TransformOptions,
};

/// Conversions that differ from the identity by at most this much, in levels of 255, are left out.
const SAME: u8 = 2;

/// A conversion to sRGB.
#[derive(Clone)]
struct Conversion {
    name: String,
    /// From grey, or from RGB, to RGB.
    transform: Arc<Transform8BitExecutor>,
}

/// A profile, whether it is for grey images, and its conversion; `None` if it changes nothing.
struct Known {
    icc: Vec<u8>,
    grey: bool,
    conversion: Option<Conversion>,
}

thread_local! {
    /// The last profile: the images of a set mostly share one.
    static LAST: RefCell<Option<Known>> = const { RefCell::new(None) };
}

/// The name of the profile, if it changes the colours of a grey or colour image.
pub(super) fn profile_name(icc: &[u8], grey: bool) -> Option<String> {
    conversion(icc, grey).map(|conversion| conversion.name)
}

/// Converts an image with the profile `icc` to sRGB; the result has 8 bits per channel and no alpha if it changes.
pub(super) fn to_srgb(image: DynamicImage, icc: &[u8]) -> DynamicImage {
    let grey = !image.color().has_color();
    let Some(Conversion { transform, .. }) = conversion(icc, grey) else { return image };
    let (width, height) = (image.width(), image.height());
    let source = if grey { image.to_luma8().into_raw() } else { image.to_rgb8().into_raw() };
    let Some(converted) = convert(&*transform, &source, width as usize * height as usize) else {
        return image;
    };
    let converted = if grey {
        let values = converted.chunks_exact(3).map(|pixel| pixel[0]).collect();
        GrayImage::from_raw(width, height, values).map(DynamicImage::ImageLuma8)
    } else {
        RgbImage::from_raw(width, height, converted).map(DynamicImage::ImageRgb8)
    };
    converted.unwrap_or(image)
}

fn convert(transform: &Transform8BitExecutor, source: &[u8], pixels: usize) -> Option<Vec<u8>> {
    let mut converted = vec![0; 3 * pixels];
    transform.transform(source, &mut converted).ok()?;
    Some(converted)
}

/// The conversion of a profile; `None` if it changes nothing.
fn conversion(icc: &[u8], grey: bool) -> Option<Conversion> {
    LAST.with_borrow_mut(|last| match last {
        Some(known) if known.icc == icc && known.grey == grey => known.conversion.clone(),
        _ => {
            let conversion = make_conversion(icc, grey);
            *last = Some(Known { icc: icc.to_owned(), grey, conversion: conversion.clone() });
            conversion
        }
    })
}

fn make_conversion(icc: &[u8], grey: bool) -> Option<Conversion> {
    let profile = ColorProfile::new_from_slice(icc).ok()?;
    let (space, layout) =
        if grey { (DataColorSpace::Gray, Layout::Gray) } else { (DataColorSpace::Rgb, Layout::Rgb) };
    if profile.color_space != space {
        return None;
    }
    let srgb = ColorProfile::new_srgb();
    let transform =
        profile.create_transform_8bit(layout, &srgb, Layout::Rgb, TransformOptions::default()).ok()?;
    (!is_identity(&*transform, grey)).then(|| Conversion { name: name_of(&profile), transform })
}

/// Whether a conversion leaves a grid of colours as they are.
fn is_identity(transform: &Transform8BitExecutor, grey: bool) -> bool {
    let levels = || (0..=255u8).step_by(if grey { 1 } else { 17 });
    let colours: Vec<[u8; 3]> = match grey {
        true => levels().map(|level| [level; 3]).collect(),
        false => levels()
            .flat_map(|red| levels().flat_map(move |green| levels().map(move |blue| [red, green, blue])))
            .collect(),
    };
    let source: Vec<u8> = match grey {
        true => levels().collect(),
        false => colours.as_flattened().to_vec(),
    };
    let same = |converted: &[u8]| {
        colours.as_flattened().iter().zip(converted).all(|(before, after)| before.abs_diff(*after) <= SAME)
    };
    convert(transform, &source, colours.len()).is_some_and(|converted| same(&converted))
}

/// A profile's description.
fn name_of(profile: &ColorProfile) -> String {
    let localised = |strings: &[LocalizableString]| strings.first().map(|string| string.value.clone());
    let name = match &profile.description {
        Some(ProfileText::PlainString(name)) => Some(name.clone()),
        Some(ProfileText::Localizable(strings)) => localised(strings),
        Some(ProfileText::Description(description)) => Some(description.ascii_string.clone()),
        None => None,
    };
    let name = name.map(|name| name.trim_matches(['\0', ' ']).to_owned()).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| "a profile without a name".to_owned())
}
