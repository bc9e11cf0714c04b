//! Templates of `line_format` and `label_format`: Go's, with Loki's functions.

mod numbers;
mod parse_time;
mod texts;
mod times;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use go_template::{Escape, Fault, Functions, Limits, Object, Templates, Value};

/// What gives a template its labels.
pub(crate) trait Fields {
    /// Calls `visit` with each name and value.
    fn fields(&self, visit: &mut dyn FnMut(&str, &str));
}

/// What one line may cost: its templates share the steps.
const LIMITS: Limits = Limits { output_bytes: 1 << 20, steps: 100_000, depth: 100 };
const NAME: &str = "line";

/// A template that was read.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    templates: Templates,
    /// The text if nothing in it is to be done.
    plain: Option<String>,
    uses_line: bool,
}

/// What `__line__`, `__timestamp__` and `now` are. Functions of a template see their arguments only.
#[derive(Default)]
struct Current {
    line: String,
    ts: i64,
    now: i64,
}

thread_local! {
    static CURRENT: RefCell<Current> = RefCell::default();
}

impl Template {
    pub(crate) fn new(name: &str, text: &str) -> Result<Self, String> {
        let mut templates = Templates::new(functions(), LIMITS);
        templates.parse(NAME, text).map_err(|error| match error.fault {
            Fault::Syntax(problem) => format!("template: {name}:{}: {problem}", error.line),
            fault => format!("template: {name}: {fault}"),
        })?;
        let plain = (!text.contains("{{")).then(|| text.to_owned());
        Ok(Self { templates, plain, uses_line: text.contains("__line__") })
    }

    /// Labels as a template sees them.
    pub(crate) fn data(labels: &impl Fields) -> Value {
        let mut map = BTreeMap::new();
        labels.fields(&mut |name, value| {
            map.insert(name.to_owned(), Value::from(value));
        });
        Value::object(Data(Arc::new(map)))
    }

    /// What it prints for a line with these labels. `steps` is what templates of that line have taken so far.
    pub(crate) fn run(&self, data: &Value, line: &str, ts: i64, now: i64, steps: &mut u64) -> Result<String, String> {
        if let Some(text) = &self.plain {
            return Ok(text.clone());
        }
        CURRENT.with_borrow_mut(|current| {
            current.line.clear();
            if self.uses_line {
                current.line.push_str(line);
            }
            (current.ts, current.now) = (ts, now);
        });
        self.templates.execute_counted(NAME, data, Escape::None, steps).map_err(|error| error.to_string())
    }
}

/// The labels of a line: one that is not there is an empty text.
struct Data(Arc<BTreeMap<String, Value>>);

impl Object for Data {
    fn type_name(&self) -> &str {
        "map[string]string"
    }

    fn underlying(&self) -> Value {
        Value::Map(Arc::clone(&self.0))
    }

    fn missing(&self) -> Value {
        Value::from("")
    }
}

fn functions() -> Functions {
    static ALL: OnceLock<Functions> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let mut all = Functions::new();
        all.add("__line__", |_| Ok(CURRENT.with_borrow(|current| Value::from(current.line.as_str()))));
        texts::add(&mut all);
        numbers::add(&mut all);
        times::add(&mut all);
        all
    });
    all.clone()
}

fn current<T>(read: impl Fn(&Current) -> T) -> T {
    CURRENT.with_borrow(read)
}

type Call<T> = Result<T, String>;

fn argument(args: &[Value], at: usize) -> Call<&Value> {
    args.get(at).ok_or_else(|| format!("wrong number of args: want at least {} got {}", at + 1, args.len()))
}

fn text(args: &[Value], at: usize) -> Call<Arc<str>> {
    let value = argument(args, at)?;
    match value.plain() {
        Value::Str(text) | Value::Html(text) => Ok(text),
        _ => Err(format!("wrong type for value; expected string; got {}", value.type_name())),
    }
}

fn exactly(args: &[Value], count: usize) -> Call<()> {
    if args.len() == count { Ok(()) } else { Err(format!("wrong number of args: want {count} got {}", args.len())) }
}
