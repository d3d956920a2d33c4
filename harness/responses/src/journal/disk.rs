//! The part of a journal that is on disk.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::request::{Request, is_secret};

/// A temporary file without a name, made when it is first needed.
#[derive(Default)]
pub(super) struct Disk {
    file: Option<File>,
    written: u64,
    /// From when the times of arrival are counted.
    since: Option<Instant>,
    /// What is not written to any file; most requests have the same.
    secrets: Vec<Secrets>,
}

/// Where a request is in the file. There are many of them: it is small.
#[derive(Clone, Copy)]
pub(super) struct Record {
    offset: u64,
    head: u32,
    body: u32,
    secrets: u32,
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
    /// Writes requests; returns where each one is.
    pub(super) fn write(&mut self, requests: &[Arc<Request>]) -> io::Result<Vec<Record>> {
        let mut bytes = Vec::new();
        let mut records = Vec::with_capacity(requests.len());
        for request in requests {
            let start = bytes.len();
            let since = *self.since.get_or_insert(request.arrived);
            let arrived = request.arrived.saturating_duration_since(since);
            serde_json::to_writer(&mut bytes, &head(request, arrived))?;
            let head = bytes.len() - start;
            bytes.extend_from_slice(&request.body);
            records.push(Record {
                offset: self.written + start as u64,
                head: u32::try_from(head).map_err(io::Error::other)?,
                body: u32::try_from(request.body.len()).map_err(io::Error::other)?,
                secrets: self.secrets_of(request)?,
            });
        }
        let file = match self.file.take() {
            Some(file) => file,
            None => tempfile::tempfile()?,
        };
        let written = file.write_all_at(&bytes, self.written);
        self.file = Some(file);
        written?;
        self.written += bytes.len() as u64;
        Ok(records)
    }

    /// Reads a request back.
    pub(super) fn read(&self, record: Record, index: usize) -> io::Result<Request> {
        let (Some(file), Some(since)) = (&self.file, self.since) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let head = record.head as usize;
        let mut bytes = vec![0; head + record.body as usize];
        file.read_exact_at(&mut bytes, record.offset)?;
        let body = bytes.split_off(head);
        let head: Head<'_> = serde_json::from_slice(&bytes)?;
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
