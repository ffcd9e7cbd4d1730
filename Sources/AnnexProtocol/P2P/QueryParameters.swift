/// The query of a URL: names and values as bytes, in the order of the query (spec 01 §6.1).
public struct QueryParameters: Hashable, Sendable {
    /// One `name=value`; the value is empty where there is no `=`.
    public struct Parameter: Hashable, Sendable {
        public var name: [UInt8]
        public var value: [UInt8]
    }

    public let parameters: [Parameter]

    /// Splits at `&` and the first `=` of each part, and then decodes, so that escaped separators belong to a value.
    ///
    /// - Parameter query: what follows `?`, as it came in the request.
    public init(parsing query: some Collection<UInt8>) throws(PercentEncoding.BadEscape) {
        // Copied once: generic code that another module calls handles each byte through a witness table.
        let query = Array(query)
        var parameters: [Parameter] = []
        for part in query.split(separator: UInt8(ascii: "&")) {
            let equals = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            let name = try PercentEncoding.decode(part[..<equals], plusIsSpace: true)
            let value = try PercentEncoding.decode(part[equals...].dropFirst(), plusIsSpace: true)
            parameters.append(Parameter(name: name, value: value))
        }
        self.parameters = parameters
    }

    /// The first value of that name; nil where there is none.
    public subscript(name: String) -> [UInt8]? {
        parameters.first { $0.name.elementsEqual(name.utf8) }?.value
    }

    /// All values of that name, in order.
    public func all(_ name: String) -> [[UInt8]] {
        parameters.filter { $0.name.elementsEqual(name.utf8) }.map(\.value)
    }
}
