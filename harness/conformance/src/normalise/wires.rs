//! The wires of several clients: apart, and together again.

use codex_wire::transcript::{Entry, Event};

/// A transcript by clients.
pub(super) struct Wires {
    /// What is not of another client than the first.
    first: Vec<Entry>,
    /// The others by their names, in the order in which they connected.
    others: Vec<(String, Vec<Entry>)>,
}

impl Wires {
    /// Takes a transcript apart.
    pub(super) fn apart(transcript: &[Entry]) -> Self {
        Self {
            first: transcript
                .iter()
                .filter(|entry| !matches!(entry.event, Event::Of { .. }))
                .cloned()
                .collect(),
            others: clients(transcript)
                .into_iter()
                .map(|name| (name.to_owned(), of_client(transcript, name)))
                .collect(),
        }
    }

    /// Each wire.
    pub(super) fn each_mut(&mut self) -> impl Iterator<Item = &mut Vec<Entry>> {
        let others = self.others.iter_mut().map(|(_, entries)| entries);
        std::iter::once(&mut self.first).chain(others)
    }

    /// All entries, without their clients.
    pub(super) fn one_after_the_other(&self) -> Vec<Entry> {
        let others = self.others.iter().flat_map(|(_, entries)| entries);
        self.first.iter().chain(others).cloned().collect()
    }

    /// Gives such entries their clients back.
    pub(super) fn together(&self, mut entries: Vec<Entry>) -> Vec<Entry> {
        let mut at = self.first.len();
        for (client, of) in &self.others {
            for entry in &mut entries[at..at + of.len()] {
                let event = std::mem::replace(&mut entry.event, Event::Stderr(String::new()));
                entry.event = Event::Of {
                    client: client.clone(),
                    event: Box::new(event),
                };
            }
            at += of.len();
        }
        entries
    }
}

/// The names of the clients besides the first, in the order of their first frames.
pub fn clients(transcript: &[Entry]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for entry in transcript {
        if let Event::Of { client, .. } = &entry.event
            && !names.contains(&client.as_str())
        {
            names.push(client);
        }
    }
    names
}

/// What one of these clients sent and received.
pub fn of_client(transcript: &[Entry], name: &str) -> Vec<Entry> {
    transcript
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Of { client, event } if client == name => Some(Entry {
                t_us: entry.t_us,
                event: event.as_ref().clone(),
            }),
            _ => None,
        })
        .collect()
}
