/// One key: its name, what it means, what it accepts, and where it lives in the tree.
public struct SettingKey: Sendable {
    /// Section and key: `server.listen`.
    public let name: String

    /// What it does, in a sentence or two.
    public let summary: String

    /// The option of `annexd serve` that sets it, where there is one.
    public let option: String?

    let kind: Kind

    /// What it accepts, as messages and the reference page say it.
    let accepts: String

    let read: @Sendable (Settings) -> SettingValue

    /// Stores the value, or throws what is wrong with it in the form "must be …".
    let write: @Sendable (inout Settings, SettingValue) throws(Refusal) -> Void

    /// How a text from the environment or the command line is understood.
    enum Kind { case string, integer, boolean, strings }

    struct Refusal: Error {
        var message: String
        /// The item of a list that is wrong, as TOML writes it.
        var item: String?
    }

    /// The part before the dot.
    var section: Substring { name.prefix { $0 != "." } }

    /// The part after the dot.
    var leaf: Substring { name.dropFirst(section.count + 1) }

    /// The environment variable: `ANNEXD_SERVER_LISTEN`.
    public var environmentName: String {
        "ANNEXD_" + name.uppercased().replacing(".", with: "_")
    }

    /// The default as TOML writes it.
    public var defaultValue: String { read(Settings()).toml }

    /// The key of that name.
    static func named(_ name: String) -> SettingKey? { byName[name] }

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    /// Turns text into a value of the key's kind, or leaves it a string for `write` to refuse.
    func value(from texts: [String]) -> SettingValue {
        let text = texts.last ?? ""
        switch kind {
        case .strings: return .strings(texts)
        case .string: return .string(text)
        case .integer: return Int(text).map(SettingValue.integer) ?? .string(text)
        case .boolean: return Bool(text).map(SettingValue.boolean) ?? .string(text)
        }
    }
}

extension SettingKey: CustomStringConvertible {
    public var description: String { name }
}

// MARK: - Makers, one per kind of value

extension SettingKey {
    typealias Path<Value> = any WritableKeyPath<Settings, Value> & Sendable

    /// A text that may be absent; the empty string means absent.
    static func text(
        _ name: String, _ path: Path<String?>, option: String? = nil, accepts: String,
        _ summary: String, where isValid: @escaping @Sendable (String) -> Bool = { _ in true }
    ) -> SettingKey {
        SettingKey(
            name: name, summary: summary, option: option, kind: .string, accepts: accepts,
            read: { .string($0[keyPath: path] ?? "") },
            write: { (settings, value) throws(Refusal) in
                guard case .string(let text) = value, text.isEmpty || isValid(text) else {
                    throw Refusal(message: accepts)
                }
                settings[keyPath: path] = text.isEmpty ? nil : text
            })
    }

    static func integer(
        _ name: String, _ path: Path<Int>, _ range: ClosedRange<Int>, _ summary: String
    ) -> SettingKey {
        let accepts = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        return SettingKey(
            name: name, summary: summary, option: nil, kind: .integer, accepts: accepts,
            read: { .integer($0[keyPath: path]) },
            write: { (settings, value) throws(Refusal) in
                guard case .integer(let number) = value, range.contains(number) else {
                    throw Refusal(message: accepts)
                }
                settings[keyPath: path] = number
            })
    }

    /// A time in whole units, which the key's name carries.
    static func time(
        _ name: String, _ path: Path<Duration>, unit: Duration, _ range: ClosedRange<Int>, _ summary: String
    ) -> SettingKey {
        let accepts = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        return SettingKey(
            name: name, summary: summary, option: nil, kind: .integer, accepts: accepts,
            read: { .integer(Int($0[keyPath: path] / unit)) },
            write: { (settings, value) throws(Refusal) in
                guard case .integer(let number) = value, range.contains(number) else {
                    throw Refusal(message: accepts)
                }
                settings[keyPath: path] = unit * number
            })
    }

    static func flag(_ name: String, _ path: Path<Bool>, _ summary: String) -> SettingKey {
        SettingKey(
            name: name, summary: summary, option: nil, kind: .boolean, accepts: "true or false",
            read: { .boolean($0[keyPath: path]) },
            write: { (settings, value) throws(Refusal) in
                guard case .boolean(let flag) = value else { throw Refusal(message: "true or false") }
                settings[keyPath: path] = flag
            })
    }

    static func choice<Choice: RawRepresentable<String> & CaseIterable & SendableMetatype>(
        _ name: String, _ path: Path<Choice>, option: String? = nil, _ summary: String
    ) -> SettingKey {
        let accepts = "one of " + Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
        return SettingKey(
            name: name, summary: summary, option: option, kind: .string, accepts: accepts,
            read: { .string($0[keyPath: path].rawValue) },
            write: { (settings, value) throws(Refusal) in
                guard case .string(let text) = value, let choice = Choice(rawValue: text) else {
                    throw Refusal(message: accepts)
                }
                settings[keyPath: path] = choice
            })
    }

    static func list(
        _ name: String, _ path: Path<[String]>, option: String? = nil, mayBeEmpty: Bool = false, accepts: String,
        _ summary: String, where isValid: @escaping @Sendable (String) -> Bool
    ) -> SettingKey {
        SettingKey(
            name: name, summary: summary, option: option, kind: .strings, accepts: accepts,
            read: { .strings($0[keyPath: path]) },
            write: { (settings, value) throws(Refusal) in
                guard case .strings(let texts) = value, mayBeEmpty || !texts.isEmpty else {
                    throw Refusal(message: accepts)
                }
                if let wrong = texts.first(where: { !isValid($0) }) {
                    throw Refusal(message: accepts, item: SettingValue.string(wrong).toml)
                }
                settings[keyPath: path] = texts
            })
    }
}
