/// The request header that says how many bytes an upload has (spec 01 §6.5).
public enum DataLengthHeader {
    public static let name = "X-git-annex-data-length"

    /// The length in bytes; negative where the server once reported an offset beyond the client's file.
    ///
    /// A negative length is not an error of the request: the upload is answered with `stored: false`.
    ///
    /// - Parameter value: the header's value; nil where the request has none.
    public static func parse(_ value: [UInt8]?) throws(P2PRequestError) -> Int64 {
        guard let value else { throw .badRequest("Header \(name) is required") }
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var text = value.drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        let isNegative = text.first == UInt8(ascii: "-")
        guard let number = DecimalNumber.parse(isNegative ? text.dropFirst() : text) else {
            throw .badRequest("Error parsing header \(name) failed: not a decimal number")
        }
        return isNegative ? -number : number
    }
}
