extension Settings {
    /// The reference page in Markdown, which is `docs/settings.md`.
    public static func referencePage() -> String {
        var page = """
            # Settings

            Settings come from a TOML file (`annexd serve --config FILE`), from environment variables and from the command
            line; each replaces what came before, and a list is replaced as a whole. In a variable, the items of a list
            are separated by commas. Unknown keys, wrong types and impossible values stop the start with the place and
            the nearest valid key; `annexd config check` says the same without starting, and opens what the settings name.

            There are no logins yet: "people without a login" are all who reach the server.

            [config/annexd.example.toml](../config/annexd.example.toml) holds every key with its default.

            <!-- Made from the table of keys by `make docs`. -->

            """
        for (section, keys) in sections {
            page += "\n## \(section)\n"
            for key in keys {
                page += "\n### `\(key.name)`\n\n\(wrapped(key.summary))\n\n"
                page += "- default: `\(key.defaultValue)`\(key.defaultValue == "\"\"" ? " (not set)" : "")\n"
                page += "- accepts: \(key.accepts)\n"
                page += "- environment: `\(key.environmentName)`\n"
                if let option = key.option { page += "- command line: `\(option)`\n" }
            }
        }
        return page
    }

    /// A file with every key at its default, which is `config/annexd.example.toml`.
    public static func exampleFile() -> String {
        var file = """
            # Every setting of annexd with its default. Copy what you change to /etc/annexd/annexd.toml.
            # An empty string means "not set". docs/settings.md tells more.

            """
        for (section, keys) in sections {
            file += "\n[\(section)]\n"
            for (index, key) in keys.enumerated() {
                if index > 0 { file += "\n" }
                file += wrapped(key.summary, prefix: "# ") + "\n"
                file += wrapped("Accepts \(key.accepts).", prefix: "# ") + "\n"
                file += "\(key.leaf) = \(key.defaultValue)\n"
            }
        }
        return file
    }

    private static var sections: [(name: Substring, keys: [SettingKey])] {
        var sections: [(name: Substring, keys: [SettingKey])] = []
        for key in SettingKey.all {
            if sections.last?.name == key.section {
                sections[sections.count - 1].keys.append(key)
            } else {
                sections.append((key.section, [key]))
            }
        }
        return sections
    }

    /// The text in lines of at most 100 characters.
    private static func wrapped(_ text: String, prefix: String = "") -> String {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + word.count + 1 + prefix.count > 100 {
                lines.append(prefix + line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        return (lines + [prefix + line]).joined(separator: "\n")
    }
}
