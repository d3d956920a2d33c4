//! The part of a journal that is on disk: blocks of several requests, compressed.
//!
//! The requests of a conversation repeat each other for the most part, so that a block takes a
//! fraction of the time and of the space that its requests would.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::request::{Request, is_secret};

/// How hard it is compressed: not very, answers come first.
const LEVEL: i32 = -3;

/// A temporary file without a name, made when it is first needed.
#[derive(Default)]
pub(super) struct Disk {
    file: Option<File>,
    written: u64,
    /// How many requests are in the file.
    requests: usize,
    blocks: Vec<Block>,
    /// The block that was read last: requests are mostly read in order.
    newest_read: Mutex<Option<(usize, Arc<Vec<u8>>)>>,
    /// From when the times of arrival are counted.
    since: Option<Instant>,
    /// What is not written to any file; most requests have the same.
    secrets: Vec<Secrets>,
}

/// Where a request is in its block. The records of a block stand at its head, so that memory does not
/// grow with the number of requests.
#[derive(Clone, Copy)]
struct Record {
    /// From the start of the block.
    offset: u32,
    head: u32,
    body: u32,
    secrets: u32,
}

impl Record {
    const BYTES: usize = 16;

    fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let fields = [self.offset, self.head, self.body, self.secrets];
        for (place, field) in bytes.chunks_exact_mut(4).zip(fields) {
            place.copy_from_slice(&field.to_ne_bytes());
        }
        bytes
    }

    /// The record of this position in a block.
    fn in_block(block: &[u8], position: usize) -> Option<Self> {
        let bytes = block.get(position * Self::BYTES..)?.get(..Self::BYTES)?;
        let field = |at: usize| {
            let field = bytes[at * 4..][..4].try_into();
            field.map(u32::from_ne_bytes).ok()
        };
        Some(Self {
            offset: field(0)?,
            head: field(1)?,
            body: field(2)?,
            secrets: field(3)?,
        })
    }
}

/// A block in the file.
struct Block {
    /// The index of its first request.
    first: usize,
    offset: u64,
    compressed: usize,
    plain: usize,
}

/// The values of headers that carry secrets, by the header's position.
type Secrets = Vec<(usize, String)>;

/// A request without its body, as it is written.
#[derive(Serialize, Deserialize)]
struct Head<'r> {
    method: Cow<'r, str>,
    path: Cow<'r, str>,
    query: Option<Cow<'r, str>>,
    headers: Vec<(Cow<'r, str>, Cow<'r, str>)>,
    truncated: bool,
    arrived: Duration,
}

impl Disk {
    /// Writes requests that follow those on disk.
    pub(super) fn write(&mut self, requests: &[Arc<Request>]) -> io::Result<()> {
        let size = |bytes: usize| u32::try_from(bytes).map_err(io::Error::other);
        let mut bytes = vec![0; requests.len() * Record::BYTES];
        for (position, request) in requests.iter().enumerate() {
            let start = bytes.len();
            let since = *self.since.get_or_insert(request.arrived);
            let arrived = request.arrived.saturating_duration_since(since);
            serde_json::to_writer(&mut bytes, &head(request, arrived))?;
            let head = bytes.len() - start;
            bytes.extend_from_slice(&request.body);
            let record = Record {
                offset: size(start)?,
                head: size(head)?,
                body: size(request.body.len())?,
                secrets: self.secrets_of(request)?,
            };
            bytes[position * Record::BYTES..][..Record::BYTES].copy_from_slice(&record.to_bytes());
        }
        let file = match self.file.take() {
            Some(file) => file,
            None => tempfile::tempfile()?,
        };
        let compressed = zstd::bulk::compress(&bytes, LEVEL)?;
        let written = file.write_all_at(&compressed, self.written);
        self.file = Some(file);
        written?;
        self.blocks.push(Block {
            first: self.requests,
            offset: self.written,
            compressed: compressed.len(),
            plain: bytes.len(),
        });
        self.requests += requests.len();
        self.written += compressed.len() as u64;
        Ok(())
    }

    /// Reads the request at a position back.
    pub(super) fn read(&self, index: usize) -> io::Result<Request> {
        let since = self.since.ok_or(io::ErrorKind::NotFound)?;
        let number = self.blocks.partition_point(|block| block.first <= index);
        let number = number.checked_sub(1).ok_or(io::ErrorKind::NotFound)?;
        let block = self.block(number)?;
        let record = Record::in_block(&block, index - self.blocks[number].first)
            .ok_or(io::ErrorKind::NotFound)?;
        let (start, length) = (record.offset as usize, record.head as usize);
        let (head, rest) = block[start..].split_at(length);
        // A copy of its own, so that it doesn't keep the block alive.
        let body = rest[..record.body as usize].to_vec();
        let head: Head<'_> = serde_json::from_slice(head)?;
        let owned =
            |(name, value): (Cow<'_, str>, Cow<'_, str>)| (name.into_owned(), value.into_owned());
        let mut headers: Vec<_> = head.headers.into_iter().map(owned).collect();
        for (position, secret) in &self.secrets[record.secrets as usize] {
            headers[*position].1.clone_from(secret);
        }
        Ok(Request {
            index,
            method: head.method.into_owned(),
            path: head.path.into_owned(),
            query: head.query.map(Cow::into_owned),
            headers,
            body: body.into(),
            truncated: head.truncated,
            arrived: since + head.arrived,
        })
    }

    /// Reads a block, unless it is the one that was read last.
    fn block(&self, number: usize) -> io::Result<Arc<Vec<u8>>> {
        let newest = self.newest_read.lock();
        let mut newest = newest.unwrap_or_else(PoisonError::into_inner);
        if let Some((known, block)) = &*newest
            && *known == number
        {
            return Ok(Arc::clone(block));
        }
        let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let block = self.blocks.get(number);
        let block = block.ok_or(io::ErrorKind::NotFound)?;
        let mut compressed = vec![0; block.compressed];
        file.read_exact_at(&mut compressed, block.offset)?;
        let plain = Arc::new(zstd::bulk::decompress(&compressed, block.plain)?);
        *newest = Some((number, Arc::clone(&plain)));
        Ok(plain)
    }

    /// Where the secrets of a request are kept.
    fn secrets_of(&mut self, request: &Request) -> io::Result<u32> {
        let headers = request.headers.iter().enumerate();
        let secrets = headers.filter(|(_, (name, _))| is_secret(name));
        let secrets: Secrets = secrets
            .map(|(position, (_, value))| (position, value.clone()))
            .collect();
        if self.secrets.last() != Some(&secrets) {
            self.secrets.push(secrets);
        }
        u32::try_from(self.secrets.len() - 1).map_err(io::Error::other)
    }
}

fn head(request: &Request, arrived: Duration) -> Head<'_> {
    let headers = request.headers.iter().map(|(name, value)| {
        let value = if is_secret(name) { "" } else { value };
        (Cow::Borrowed(name.as_str()), Cow::Borrowed(value))
    });
    Head {
        method: request.method.as_str().into(),
        path: request.path.as_str().into(),
        query: request.query.as_deref().map(Cow::Borrowed),
        headers: headers.collect(),
        truncated: request.truncated,
        arrived,
    }
}
