//! Files made to exhaust memory, opened by a process that may use one GiB of address space, including its code: they are
//! refused in one line.
#![cfg(unix)]

use std::fs;
use std::io::{self, Cursor, Read as _, Write as _};

use assert_cmd::Command;
use flate2::{Compress, Compression, FlushCompress};
use tempfile::tempdir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::common::{BINARY, idx_labels, png, put, refused, str};

const GIB: u64 = 1 << 30;
/// The size that the files unpack to or declare: more than the process may use.
const SIZE: u64 = GIB + (256 << 20);

/// The binary with limited address space; an allocation beyond it would abort without a message.
fn limited(arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {} && exec \"$@\"", GIB >> 10), "sh", BINARY]).args(arguments);
    command.env_remove("RUST_LOG").env("RUST_BACKTRACE", "0");
    command
}

/// `begin` and zeros, deflated: blocks without back-references can be repeated.
fn deflated(begin: &[u8]) -> Vec<u8> {
    const BLOCK: u64 = 16 << 20;
    let mut packer = Compress::new(Compression::best(), false);
    let mut block = |bytes: &[u8]| {
        let mut packed = Vec::with_capacity(bytes.len() / 64 + 1024);
        packer.compress_vec(bytes, &mut packed, FlushCompress::Full).expect("deflated");
        packed
    };
    let mut all = block(begin);
    all.extend(block(&vec![0; BLOCK as usize]).repeat((SIZE / BLOCK) as usize));
    // An empty last block.
    all.extend([3, 0]);
    all
}

fn gzip(begin: &[u8]) -> Vec<u8> {
    [[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255].as_slice(), &deflated(begin), &[0; 8]].concat()
}

/// An archive with one member: `begin` and zeros.
fn zip(name: &str, begin: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file(name, SimpleFileOptions::default().compression_level(Some(1))).expect("a member");
    writer.write_all(begin).expect("its beginning");
    io::copy(&mut io::repeat(0).take(SIZE), &mut writer).expect("zeros");
    writer.finish().expect("an archive").into_inner()
}

/// The header of a `.npy` file of bytes.
fn npy(shape: &str) -> Vec<u8> {
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00".as_slice(), &(header.len() as u16).to_le_bytes(), header.as_bytes()].concat()
}

fn tar_header() -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_path("train_X.bin").expect("a name");
    header.set_size(SIZE);
    header.set_mode(0o644);
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// A MAT-file with a compressed array of [`SIZE`] bytes.
fn mat() -> Vec<u8> {
    let mut header = vec![b' '; 124];
    header.extend([0, 1, b'I', b'M']);
    let mut begin = 14u32.to_le_bytes().to_vec();
    begin.extend((SIZE as u32).to_le_bytes());
    let packed = [[0x78, 0x01].as_slice(), &deflated(&begin), &[0; 4]].concat();
    [&header, 15u32.to_le_bytes().as_slice(), &(packed.len() as u32).to_le_bytes(), &packed].concat()
}

/// A PNG whose header declares `side` by `side` pixels.
fn declared(side: u32) -> Vec<u8> {
    let folder = tempdir().expect("a temporary folder");
    let path = folder.path().join("a.png");
    png(&path, 0);
    let mut bytes = fs::read(path).expect("a PNG");
    bytes[16..20].copy_from_slice(&side.to_be_bytes());
    bytes[20..24].copy_from_slice(&side.to_be_bytes());
    let mut checksum = flate2::Crc::new();
    checksum.update(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.sum().to_be_bytes());
    bytes
}

#[test]
fn hostile_data_is_refused_within_a_gib() {
    let folder = tempdir().expect("a temporary folder");
    let refuse = |files: &[(&str, &[u8])], words: &[&str]| {
        let place = folder.path().join("data");
        files.iter().for_each(|(name, bytes)| put(&place.join(name), bytes));
        let path = match files {
            [(name, _)] => place.join(name),
            _ => place.clone(),
        };
        refused(&mut limited(&["data", str(&path)]), words);
        fs::remove_dir_all(&place).expect("the folder is removed");
    };
    let archive = zip("x.npy", &npy(&format!("({}, 32, 32)", SIZE >> 10)));
    for name in ["a.zip", "a.npz"] {
        refuse(&[(name, &archive)], &[name, "unpack to more than", "exhaust memory"]);
    }
    refuse(&[("a.tar.gz", &gzip(&tar_header()))], &["a.tar.gz", "unpack to more than"]);
    let images = [0, 0, 8, 3, 0, 0x14, 0, 0, 0, 0, 0, 32, 0, 0, 0, 32];
    let labels = idx_labels(30);
    refuse(&[("images", &gzip(&images)), ("labels", &labels)], &["images", "unpack to more than"]);
    refuse(&[("images", &images), ("labels", &labels)], &["images, byte 16", "expected 1342177280 bytes"]);
    let labels = [npy("(1310720,)"), vec![0; 1_310_720]].concat();
    refuse(&[("x.npy", &npy("(1310720, 32, 32)")), ("y.npy", &labels)], &["x.npy"]);
    refuse(&[("x.npy", &npy("(1310720, 32, 32)")), ("y.npy", &npy("(1310720,)"))], &["y.npy"]);
    refuse(&[("train_32x32.mat", &mat()), ("test_32x32.mat", &mat())], &["train_32x32.mat"]);
    let text = [b"\x80\x02}T".as_slice(), &(SIZE as u32).to_le_bytes(), b"abc."].concat();
    refuse(&[("data_batch_1", &text), ("test_batch", &text)], &["data_batch_1", "the end after 4"]);
    let (huge, good) = (declared(60_000), declared(8));
    let pictures = [("a/1.png", &huge), ("a/2.png", &good), ("b/1.png", &good), ("b/2.png", &good)];
    let pictures = pictures.map(|(name, bytes)| (name, bytes.as_slice()));
    refuse(&pictures, &["a/1.png", "60000x60000"]);
}

#[test]
fn hostile_checkpoints_are_refused_within_a_gib() {
    let folder = tempdir().expect("a temporary folder");
    let model = folder.path().join("model.safetensors");
    let refuse = |bytes: &[u8], words: &[&str]| {
        put(&model, bytes);
        // Refused before an adapter is opened, whose driver may need more memory.
        refused(&mut limited(&["train", "--resume", str(folder.path())]), words);
    };
    refuse(&[SIZE.to_le_bytes().as_slice(), b"{}"].concat(), &["model.safetensors"]);
    refuse(&[u64::MAX.to_le_bytes().as_slice(), b"{}"].concat(), &["model.safetensors"]);
}
