//! The part of a journal that is on disk.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::request::{Request, is_secret};

/// A temporary file without a name, made when it is first needed.
#[derive(Default)]
pub(super) struct Disk {
    file: Option<File>,
    written: u64,
    /// The secrets of the newest record, which most requests share.
    secrets: Secrets,
}

/// Where a request is in the file, and what of it is not written to any.
pub(super) struct Record {
    offset: u64,
    head: u32,
    body: usize,
    arrived: Instant,
    secrets: Secrets,
}

/// The values of headers that carry secrets, by the header's position.
type Secrets = Arc<[(usize, String)]>;

/// A request without its body, as it is written.
#[derive(Serialize, Deserialize)]
struct Head<'r> {
    method: Cow<'r, str>,
    path: Cow<'r, str>,
    query: Option<Cow<'r, str>>,
    headers: Vec<(Cow<'r, str>, Cow<'r, str>)>,
    truncated: bool,
}

impl Disk {
    /// Writes requests; returns where each one is.
    pub(super) fn write<'r>(
        &mut self,
        requests: impl Iterator<Item = &'r Arc<Request>>,
    ) -> io::Result<Vec<Record>> {
        let mut bytes = Vec::new();
        let mut records = Vec::new();
        for request in requests {
            let offset = self.written + bytes.len() as u64;
            let start = bytes.len();
            serde_json::to_writer(&mut bytes, &head(request))?;
            let head = u32::try_from(bytes.len() - start).map_err(io::Error::other)?;
            bytes.extend_from_slice(&request.body);
            records.push(Record {
                offset,
                head,
                body: request.body.len(),
                arrived: request.arrived,
                secrets: self.secrets_of(request),
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
    pub(super) fn read(&self, record: &Record, index: usize) -> io::Result<Request> {
        let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let head = record.head as usize;
        let mut bytes = vec![0; head + record.body];
        file.read_exact_at(&mut bytes, record.offset)?;
        let body = bytes.split_off(head);
        let head: Head<'_> = serde_json::from_slice(&bytes)?;
        let owned =
            |(name, value): (Cow<'_, str>, Cow<'_, str>)| (name.into_owned(), value.into_owned());
        let mut headers: Vec<_> = head.headers.into_iter().map(owned).collect();
        for (position, secret) in record.secrets.iter() {
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
            arrived: record.arrived,
        })
    }

    fn secrets_of(&mut self, request: &Request) -> Secrets {
        let headers = request.headers.iter().enumerate();
        let secrets = headers.filter(|(_, (name, _))| is_secret(name));
        let secrets: Vec<_> = secrets
            .map(|(position, (_, value))| (position, value.clone()))
            .collect();
        if *self.secrets != *secrets {
            self.secrets = secrets.into();
        }
        Arc::clone(&self.secrets)
    }
}

fn head(request: &Request) -> Head<'_> {
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
    }
}
