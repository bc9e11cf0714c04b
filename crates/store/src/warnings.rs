use parking_lot::Mutex;

/// Warnings that are kept at most.
const MAX: usize = 100;

/// What people should know, each once.
#[derive(Debug, Default)]
pub(crate) struct Warnings(Mutex<Vec<String>>);

impl Warnings {
    /// Adds and logs `text`, unless it is there already.
    pub fn add(&self, text: String) {
        let mut list = self.0.lock();
        if list.contains(&text) {
            return;
        }
        tracing::warn!("{text}");
        metrics::counter!("steadfast_store_warnings_total").increment(1);
        if list.len() == MAX {
            list.remove(0);
        }
        list.push(text);
    }

    /// Puts `text` in the place of what begins with `start`.
    pub fn replace(&self, start: &str, text: String) {
        if !self.0.lock().contains(&text) {
            self.end(start);
            self.add(text);
        }
    }

    /// Takes back what begins with `start`: it is over.
    pub fn end(&self, start: &str) {
        self.0.lock().retain(|text| !text.starts_with(start));
    }

    pub fn list(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}
