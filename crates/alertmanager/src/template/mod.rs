//! Templates of notifications: their data, their functions, and the ones that are always there.

mod data;
mod functions;

use base::Timestamp;
use go_template::{Escape, Functions, Limits, Templates, Value};

pub use data::Data;
pub use go_template::TemplateError;

/// Our text of the templates that configurations and their defaults refer to.
const DEFAULTS: [(&str, &str); 2] =
    [("default.tmpl", include_str!("default.tmpl")), ("email.tmpl", include_str!("email.tmpl"))];

/// The templates of a configuration.
#[derive(Clone, Debug)]
pub struct Template(Templates);

/// The templates with the data of one notification.
#[derive(Clone, Debug)]
pub struct Renderer {
    templates: Templates,
    data: Value,
}

impl Template {
    /// The templates that are always there, then those of files (name and text), which may replace them.
    ///
    /// # Errors
    /// If a file is no template: its name, line, and what was expected.
    pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, TemplateError> {
        let mut functions = Functions::new();
        functions::add(&mut functions);
        functions::add_since(&mut functions, Timestamp::ZERO);
        let mut templates = Templates::new(functions, Limits::default());
        for (name, text) in DEFAULTS.into_iter().chain(files) {
            templates.parse(name, text)?;
        }
        Ok(Self(templates))
    }

    /// Says whether a text of the configuration is a template.
    ///
    /// # Errors
    /// If it is none.
    pub fn check(&self, text: &str) -> Result<(), TemplateError> {
        self.0.check(text)
    }

    /// For a notification at `now`.
    pub fn renderer(&self, data: &Data, now: Timestamp) -> Renderer {
        let mut templates = self.0.clone();
        functions::add_since(templates.functions(), now);
        Renderer { templates, data: data.value() }
    }
}

impl Renderer {
    /// A text of the configuration with the notification's data.
    ///
    /// # Errors
    /// If it is no template, cannot be executed with the data, or exceeds a limit.
    pub fn text(&self, text: &str) -> Result<String, TemplateError> {
        self.templates.render(text, &self.data, Escape::None)
    }

    /// The same as HTML: what the data says is escaped.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn html(&self, text: &str) -> Result<String, TemplateError> {
        self.templates.render(text, &self.data, Escape::Html)
    }
}
