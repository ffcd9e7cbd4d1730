import Glibc

/// A setting given on the command line, which wins over the environment and the file.
public struct SettingOverride: Equatable, Sendable {
    /// The key: `server.listen`.
    public var key: String
    /// The option as the person typed it, for messages: `--listen`.
    public var option: String
    /// Its values; a list takes all, any other key the last.
    public var values: [String]

    public init(key: String, option: String, values: [String]) {
        self.key = key
        self.option = option
        self.values = values
    }
}

extension Settings {
    /// The defaults, then the file, then `ANNEXD_…` variables, then the command line: each replaces what came before. A
    /// list is replaced as a whole.
    ///
    /// - Parameter file: The path of a TOML file; nil for none.
    /// - Throws: `SettingsError` with every problem found.
    public static func load(
        file: String? = nil, environment: [String: String] = [:], overrides: [SettingOverride] = []
    ) throws(SettingsError) -> Settings {
        guard let file else { return try load(text: "", name: "", environment: environment, overrides: overrides) }
        return try load(text: try read(file), name: file, environment: environment, overrides: overrides)
    }

    /// The same for a text that is already read.
    ///
    /// - Parameter name: What messages call the text.
    public static func load(
        text: String, name: String, environment: [String: String] = [:], overrides: [SettingOverride] = []
    ) throws(SettingsError) -> Settings {
        var loader = Loader()
        for entry in try TOMLFile(text, name: name, isKey: { SettingKey.named($0) != nil }).entries {
            loader.apply(entry, of: name)
        }
        for (variable, text) in environment.sorted(by: { $0.key < $1.key }) {
            loader.apply(variable: variable, text)
        }
        for override in overrides {
            loader.apply(override)
        }
        loader.problems += loader.settings.conflicts
        guard loader.problems.isEmpty else { throw SettingsError(loader.problems) }
        return loader.settings
    }

    /// The names of the keys whose values differ, in the order of the reference page.
    public func keysDiffering(from other: Settings) -> [String] {
        SettingKey.all.filter { $0.read(self) != $0.read(other) }.map(\.name)
    }

    /// A settings file has a few kilobytes; more than this is another file given by mistake.
    private static let maximumFileSize = 1 << 20

    private static func read(_ path: String) throws(SettingsError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable(path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(path) }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= maximumFileSize else {
                throw SettingsError(.unreadable, "\(path): larger than 1 MiB, which no settings file is")
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SettingsError(.syntax, "\(path): not UTF-8")
        }
        return text
    }

    private static func unreadable(_ path: String) -> SettingsError {
        SettingsError(.unreadable, "\(path): cannot be read: \(String(cString: strerror(errno)))")
    }
}

/// Applies one setting after another and gathers what is wrong with them.
private struct Loader {
    var settings = Settings()
    var problems: [SettingsError.Problem] = []

    mutating func apply(_ entry: TOMLFile.Entry, of file: String) {
        let place = entry.line.map { "\(file):\($0)" } ?? file
        guard let key = SettingKey.named(entry.key) else {
            if SettingKey.all.contains(where: { $0.section == entry.key }) {
                // An empty section changes nothing, and people leave the header behind.
                if entry.value != .other("table") {
                    refuse("\(place): `\(entry.key)` must be a section, written [\(entry.key)]")
                }
                return
            }
            return refuseUnknown(place, "key", entry.key, Suggestion.nearest(to: entry.key))
        }
        store(entry.value, key, "\(place): `\(key.name)`")
    }

    /// Other variables that start with `ANNEXD_` are not settings; those that name a section are, and may be
    /// misspelled.
    mutating func apply(variable: String, _ text: String) {
        guard let key = SettingKey.all.first(where: { $0.environmentName == variable }) else {
            let isMeant = SettingKey.all.contains { variable.hasPrefix("ANNEXD_\($0.section.uppercased())_") }
            if isMeant { refuseUnknown("environment", "variable", variable, Suggestion.nearestVariable(to: variable)) }
            return
        }
        let texts =
            if case .strings = key.kind {
                text.split(separator: ",").map { String($0.drop(while: \.isWhitespace).prefix { !$0.isWhitespace }) }
            } else { [text] }
        store(key.value(from: texts), key, "environment: `\(variable)`")
    }

    mutating func apply(_ override: SettingOverride) {
        guard let key = SettingKey.named(override.key) else {
            return refuseUnknown(override.option, "key", override.key, Suggestion.nearest(to: override.key))
        }
        store(key.value(from: override.values), key, "`\(override.option)`")
    }

    private mutating func store(_ value: SettingValue, _ key: SettingKey, _ place: String) {
        do {
            try key.write(&settings, value)
        } catch {
            let found = error.item.map { "; \($0) is none of them" } ?? ", not \(value.quoted)"
            refuse("\(place) must be \(error.message)\(found)")
        }
    }

    private mutating func refuse(_ message: String) {
        problems.append(SettingsError.Problem(code: .invalidValue, message: message))
    }

    private mutating func refuseUnknown(_ place: String, _ what: String, _ name: String, _ nearest: String?) {
        let hint = nearest.map { ", did you mean `\($0)`?" } ?? ""
        problems.append(SettingsError.Problem(code: .unknownKey, message: "\(place): unknown \(what) `\(name)`\(hint)"))
    }
}

extension Settings {
    /// What is wrong with values that are fine alone.
    fileprivate var conflicts: [SettingsError.Problem] {
        var messages: [String] = []
        if tls.certificate != nil, tls.key == nil { messages.append("`tls.certificate` is set without `tls.key`") }
        if tls.key != nil, tls.certificate == nil { messages.append("`tls.key` is set without `tls.certificate`") }
        if limits.maxLocksPerClient > limits.maxLocks {
            messages.append(
                "`limits.max_locks_per_client` (\(limits.maxLocksPerClient)) is larger than "
                    + "`limits.max_locks` (\(limits.maxLocks))")
        }
        let addresses = server.listen.compactMap { ListenAddress($0) }
        for (index, address) in addresses.enumerated() where addresses[..<index].contains(address) {
            if case .tcp(_, port: 0) = address { continue }
            messages.append("`server.listen` names \(address) twice")
        }
        return messages.map { SettingsError.Problem(code: .conflict, message: $0) }
    }
}
