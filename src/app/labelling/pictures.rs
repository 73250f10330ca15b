//! Images to look at as textures: large ones read from their files, small ones as the network sees them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use eframe::egui::{ColorImage, Context, TextureHandle, TextureOptions};
use futures_channel::oneshot;

use crate::app::{platform, run};
use crate::data::{DataError, OwnImages, Picture, read_picture};

/// Pixels of the longer side of a large picture.
const LONGEST: u32 = 1_024;
/// Large pictures kept.
const LARGE: usize = 8;
/// Small pictures kept.
const SMALL: usize = 1_024;
/// Pictures with fewer pixels a side are drawn with their pixels as squares.
const SMOOTH: usize = 64;

/// A large picture, or why there is none.
pub type Large = Result<TextureHandle, String>;

/// Pictures made so far, and one on its way.
#[derive(Default)]
pub struct Pictures {
    large: VecDeque<(usize, Large)>,
    arriving: Option<(usize, oneshot::Receiver<Result<Picture, DataError>>)>,
    small: HashMap<usize, TextureHandle>,
}

impl Pictures {
    /// The picture of an image as its file has it; `None` until it has been read. `next` is read ahead.
    pub fn large(
        &mut self,
        context: &Context,
        own: &Arc<OwnImages>,
        image: usize,
        next: Option<usize>,
    ) -> Option<Large> {
        self.receive(context);
        let wanted = [Some(image), next].into_iter().flatten().find(|wanted| self.made(*wanted).is_none());
        if let (Some(wanted), None) = (wanted, &self.arriving) {
            let (sender, arriving) = oneshot::channel();
            let (path, again) = (own.path(wanted), context.clone());
            platform::offload(move || {
                // Another folder is open by now if nobody receives it.
                let _ = sender.send(read_picture(&path, LONGEST));
                again.request_repaint();
            });
            self.arriving = Some((wanted, arriving));
        }
        self.made(image).cloned()
    }

    fn made(&self, image: usize) -> Option<&Large> {
        self.large.iter().find(|(made, _)| *made == image).map(|(_, large)| large)
    }

    fn receive(&mut self, context: &Context) {
        let Some((image, arriving)) = &mut self.arriving else { return };
        let large = match arriving.try_recv() {
            Ok(None) => return,
            Ok(Some(Ok(picture))) => Ok(texture(context, *image, &picture)),
            Ok(Some(Err(error))) => Err(error.problem()),
            Err(oneshot::Canceled) => Err("its decoder failed".to_owned()),
        };
        self.large.push_back((*image, large));
        self.arriving = None;
        if self.large.len() > LARGE {
            self.large.pop_front();
        }
    }

    /// An image as the network sees it.
    pub fn small(&mut self, context: &Context, own: &OwnImages, image: usize) -> TextureHandle {
        if self.small.len() > SMALL {
            self.small.clear();
        }
        let make = || {
            let picture = run::picture(&own.images, image);
            context.load_texture(format!("labelled {image}"), picture, TextureOptions::NEAREST)
        };
        self.small.entry(image).or_insert_with(make).clone()
    }
}

fn texture(context: &Context, image: usize, picture: &Picture) -> TextureHandle {
    let Picture { width, height, pixels } = picture;
    let smooth = (*width).max(*height) >= SMOOTH;
    let options = if smooth { TextureOptions::LINEAR } else { TextureOptions::NEAREST };
    context.load_texture(format!("large {image}"), ColorImage::from_rgb([*width, *height], pixels), options)
}
