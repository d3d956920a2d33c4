//! What a command has printed so far.

/// Output in arrival order, with a mark up to where the model has read it.
#[derive(Debug, Default)]
pub(super) struct Output {
    all: Vec<u8>,
    read_up_to: usize,
}

impl Output {
    /// Adds a chunk.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.all.extend_from_slice(chunk);
    }

    /// Everything since the start.
    pub(super) fn all(&self) -> &[u8] {
        &self.all
    }

    /// What came since the last call.
    pub(super) fn take_unread(&mut self) -> Vec<u8> {
        let unread = self.all[self.read_up_to..].to_vec();
        self.read_up_to = self.all.len();
        unread
    }
}
