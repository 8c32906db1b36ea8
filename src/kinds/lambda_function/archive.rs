//! The zip archive of inline code: one file, stored as it is, the same bytes for the same source on
//! every machine and in every release, because its SHA-256 tells whether a function has this code.
//!
//! By the ".ZIP File Format Specification" (APPNOTE 6.3.10): local header §4.3.7, central header
//! §4.3.12, end record §4.3.16.

use super::spec::InlineCode;
use sha2::{Digest, Sha256};

/// "Version needed to extract" 2.0.
const VERSION: u16 = 20;
/// "Version made by" 2.0 on Unix, which makes the file's mode count.
const MADE_ON_UNIX: u16 = 3 << 8 | VERSION;
/// A regular file that all may read: Lambda runs functions under a user of its own.
const MODE: u32 = 0o100_644 << 16;
/// Midnight of 1 January 1980, where the format's time begins: time, then date.
const TIMESTAMP: u32 = 0x0021 << 16;

/// The archive with the one file.
pub(super) fn zip(code: &InlineCode) -> Vec<u8> {
    let (name, data) = (code.file_name.as_bytes(), code.source.as_bytes());
    let entry = entry(name, data);
    let mut archive = Vec::with_capacity(data.len() + 2 * name.len() + 98);
    archive.extend(b"PK\x03\x04");
    archive.extend(&entry);
    archive.extend(name);
    archive.extend(data);
    let central_header = length(&archive);
    archive.extend(b"PK\x01\x02");
    archive.extend(MADE_ON_UNIX.to_le_bytes());
    archive.extend(&entry);
    // Length of the comment, number of the disk, internal attributes.
    archive.extend([0; 6]);
    archive.extend(MODE.to_le_bytes());
    // Offset of the local header.
    archive.extend(0_u32.to_le_bytes());
    archive.extend(name);
    let size = length(&archive).wrapping_sub(central_header);
    archive.extend(b"PK\x05\x06");
    // Number of this disk and of that with the central headers.
    archive.extend([0; 4]);
    // Headers on this disk and in all.
    archive.extend([1, 0, 1, 0]);
    archive.extend(size.to_le_bytes());
    archive.extend(central_header.to_le_bytes());
    // Length of the comment.
    archive.extend([0; 2]);
    archive
}

/// What both headers say of the file.
fn entry(name: &[u8], data: &[u8]) -> Vec<u8> {
    let mut entry = Vec::with_capacity(26);
    entry.extend(VERSION.to_le_bytes());
    // Flags, and the method 0: stored.
    entry.extend([0; 4]);
    entry.extend(TIMESTAMP.to_le_bytes());
    entry.extend(crc32(data).to_le_bytes());
    // Compressed and uncompressed size are one.
    entry.extend(length(data).to_le_bytes());
    entry.extend(length(data).to_le_bytes());
    entry.extend((length(name) as u16).to_le_bytes());
    // Length of the extra field.
    entry.extend([0; 2]);
    entry
}

/// The spec bounds names and sources far below what the format can count.
fn length(bytes: &[u8]) -> u32 {
    bytes.len() as u32
}

/// The CRC-32 of the format (§4.4.7).
fn crc32(data: &[u8]) -> u32 {
    let step = |crc: u32| crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
    !data.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

/// The SHA-256 of an archive as Lambda shows it.
pub(super) fn sha256(archive: &[u8]) -> String {
    aws_smithy_types::base64::encode(Sha256::digest(archive))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(source: &str) -> InlineCode {
        InlineCode { file_name: "index.py".into(), source: source.into() }
    }

    #[test]
    fn the_checksum_is_that_of_the_format() {
        // The check value of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn the_archive_never_changes_for_the_same_source() {
        // Another release that packs otherwise would deploy every function again.
        assert_eq!(
            sha256(&zip(&code("def handler(event, context):\n    return 1\n"))),
            "25kTKSAuE8RFRo+U4HTf2BjNAfU8qCMtZjUjy3FRjPU="
        );
        assert_ne!(zip(&code("a")), zip(&code("b")));
    }

    #[test]
    fn the_end_record_points_to_the_central_header() {
        let archive = zip(&code("pass"));
        let end = archive.len() - 22;
        assert_eq!(&archive[end..end + 4], b"PK\x05\x06");
        let number = |at: usize| u32::from_le_bytes(archive[at..at + 4].try_into().unwrap()) as usize;
        let (size, offset) = (number(end + 12), number(end + 16));
        assert_eq!(offset + size, end);
        assert_eq!(&archive[offset..offset + 4], b"PK\x01\x02");
        assert_eq!(offset, 30 + "index.py".len() + "pass".len());
    }
}
