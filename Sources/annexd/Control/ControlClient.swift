import FileIO
import Glibc
import Hosting
import SystemPackage

/// Asks the server that runs on a root folder.
enum ControlClient {
    /// The answer to one question, or nil where no server runs.
    ///
    /// Blocking, for at most a minute. Throws ``Failure`` in words for people: the server refused, or cannot be
    /// reached.
    static func ask(
        root: RootFolder, _ name: String, _ parameters: [String: JSONValue] = [:]
    ) throws -> JSONValue? {
        let line: [UInt8]
        do {
            guard let socket = try ControlSocket(root: root).connect() else { return nil }
            let question: JSONValue = ["ask": .string(name), "parameters": .object(parameters)]
            guard let answer = try exchange(Array((question.text + "\n").utf8), over: socket.descriptor) else {
                return nil
            }
            line = answer
        } catch {
            throw Failure("the running server cannot be asked: \(error)")
        }
        guard let reply = try? JSONValue(parsing: line) else {
            throw Failure("the running server's answer to \"\(name)\" is not understood")
        }
        if let message = reply["error"]?.string { throw Failure(message) }
        guard let answer = reply["answer"] else {
            throw Failure("the running server's answer to \"\(name)\" is not understood")
        }
        return answer
    }

    /// Sends the question and reads a line; nil when the server went away before it answered.
    private static func exchange(_ question: [UInt8], over socket: Int32) throws -> [UInt8]? {
        var sent = 0
        while sent < question.count {
            let count = question.withUnsafeBytes {
                send(socket, $0.baseAddress! + sent, question.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EPIPE { return nil }
            guard count >= 0 else { throw Errno(rawValue: errno) }
            sent += count
        }
        var answer: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = recv(socket, &piece, piece.count, 0)
            if count < 0, errno == EINTR { continue }
            if count == 0 || (count < 0 && errno == ECONNRESET) { return nil }
            guard count > 0 else { throw Errno(rawValue: errno) }
            answer.append(contentsOf: piece[..<count])
            if piece[..<count].contains(10) { return answer }
        }
    }
}
