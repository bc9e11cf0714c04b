use maud::{DOCTYPE, Markup, html};

/// A whole page; `refresh` is in how many seconds the browser asks again.
pub fn page(title: &str, refresh: Option<u32>, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if let Some(seconds) = refresh { meta http-equiv="refresh" content=(seconds); }
                title { (title) }
                link rel="stylesheet" href="/style.css";
                link rel="icon" href="data:,";
            }
            body {
                header { a class="brand" href="/" { "Steadfast" } " " a class="more" href="/canaries" { "Canaries" } }
                main { (body) }
            }
        }
    }
}
