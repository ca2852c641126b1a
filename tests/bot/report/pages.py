"""A page of a report as tests read it."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "br", "img", "path", "use", "rect"}


class Page(HTMLParser):
    """Collects elements and references, and checks that elements are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.open = [], [], []
        self.words = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, name, attributes):
        self.tags.append(name)
        self.attributes += attributes
        if name not in VOID:
            self.open.append(name)

    def handle_startendtag(self, name, attributes):
        self.tags.append(name)
        self.attributes += attributes

    def handle_endtag(self, name):
        if name not in VOID:
            assert self.open.pop() == name

    def handle_data(self, text):
        self.words.append(text)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def assert_is_self_contained(self):
        links = {"src", "href", "xlink:href", "action", "data", "srcset"}
        outside = [value for name, value in self.attributes if name in links and value[0] != "#"]
        assert outside == []
        assert not {"script", "link", "img", "iframe", "object", "base"} & set(self.tags)
        assert not [name for name, _ in self.attributes if name.startswith("on")]
        policy = ("content", "default-src 'none'; style-src 'unsafe-inline'")
        assert policy in self.attributes

    def assert_has_unique_identifiers(self):
        identifiers = [value for name, value in self.attributes if name == "id"]
        assert len(identifiers) == len(set(identifiers))
