import Blocking
import FileIO
import NIOCore
import NIOHTTP1
import SystemPackage

/// Sends a range of a file in the way that suits the connection: `sendfile` on plain sockets, chunks under TLS.
///
/// A `FileRegion` on a TLS pipeline would end the process, so this is the only place that makes one, and the connection
/// alone decides.
struct FileSender {
    let connection: Connection
    let exchange: Exchange
    let file: OpenFile
    let offset: UInt64
    let length: Int

    /// Up to this size, head and content leave in one write.
    private static let small = 128 * 1024
    private static let slice = 8 << 20
    private static let tlsChunk = 512 * 1024

    func send(
        _ status: HTTPResponseStatus, headers: HTTPHeaders, finalCheck: (@Sendable () async -> Bool)?
    ) async throws {
        if exchange.isHead {
            try await prepare(from: 0, count: 0, ahead: 0)
            try await connection.perform(exchange, limit: 0) { [exchange, length] in
                let failure = $0.beginStream(exchange, status: status, headers: headers, length: length)
                return failure ?? $0.finishStream(exchange)
            }
        } else if length <= Self.small {
            try await sendSmall(status, headers, finalCheck)
        } else {
            try await sendLarge(status, headers, finalCheck)
        }
    }

    private func sendSmall(
        _ status: HTTPResponseStatus, _ headers: HTTPHeaders, _ finalCheck: (@Sendable () async -> Bool)?
    ) async throws {
        var content = cached() ?? ByteBuffer()
        if content.readableBytes < length { content = try await read(at: 0, count: length) }
        guard let finalCheck else {
            try await connection.perform(exchange, limit: 0) { [exchange, content] in
                $0.sendWhole(exchange, status: status, headers: headers, body: content, closing: false)
            }
            return
        }
        let isValid = await finalCheck()
        if !isValid, length > 0 { content.moveWriterIndex(to: content.writerIndex - 1) }
        try await connection.perform(exchange, limit: 0) { [exchange, content] in
            $0.sendWholeChunked(exchange, status: status, headers: headers, body: content)
        }
    }

    private func sendLarge(
        _ status: HTTPResponseStatus, _ headers: HTTPHeaders, _ finalCheck: (@Sendable () async -> Bool)?
    ) async throws {
        try await prepare(from: 0, count: length, ahead: 2 * Self.slice)
        let declared = finalCheck == nil ? length : nil
        try await connection.perform(exchange, limit: 1) { [exchange] in
            $0.beginStream(exchange, status: status, headers: headers, length: declared, isWhole: true)
        }
        do {
            // The last byte goes alone when it may have to be withheld.
            let end = finalCheck == nil ? length : length - 1
            if connection.isSecure { try await sendChunks(upTo: end) } else { try await sendRegions(upTo: end) }
            if let finalCheck, await finalCheck() {
                let last = try await read(at: end, count: 1)
                try await connection.perform(exchange, limit: 1) { [exchange] in
                    $0.sendChunk(exchange, .byteBuffer(last), flushing: false)
                }
            }
            try await connection.perform(exchange, limit: 0) { [exchange] in $0.finishStream(exchange) }
        } catch {
            connection.onLoop { [connection, exchange] in connection.abort(exchange) }
            throw error
        }
    }

    /// Zero copy, in slices, so that timeouts see progress and other connections of the loop get their turn.
    private func sendRegions(upTo end: Int) async throws {
        let handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: file.descriptor)
        // `file` keeps the ownership of the descriptor; a handle that is dropped open would assert.
        defer { _ = try? handle.takeDescriptorOwnership() }
        var position = 0
        while position < end {
            let count = min(Self.slice, end - position)
            let after = position + count
            // Meanwhile the next slice is read ahead, and seen to be there: sendfile would spin on a truncated file.
            async let ready: Void = prepare(from: after, count: min(Self.slice, end - after), ahead: 2 * Self.slice)
            let start = Int(offset) + position
            let region = FileRegion(fileHandle: handle, readerIndex: start, endIndex: start + count)
            try await connection.perform(exchange, limit: 0, abortsOnCancel: true) { [exchange] in
                $0.sendChunk(exchange, .fileRegion(region))
            }
            try await ready
            position = after
        }
    }

    /// Copies, with one piece being read while the ones before it are being sent.
    private func sendChunks(upTo end: Int) async throws {
        var position = 0
        while position < end {
            let piece = try await read(at: position, count: min(Self.tlsChunk, end - position))
            position += piece.readableBytes
            try await connection.perform(exchange, limit: 1) { [exchange] in
                $0.sendChunk(exchange, .byteBuffer(piece))
            }
        }
    }

    /// The threads that the repository of the file may have.
    private var pool: BlockingPool {
        file.folder.map { connection.core.pool.share(of: $0.string) } ?? connection.core.pool
    }

    /// The whole range when the page cache has it, which spares small files the way through the pool.
    private func cached() -> ByteBuffer? {
        var buffer = ByteBufferAllocator().buffer(capacity: length)
        let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { space in
            file.readCached(into: UnsafeMutableRawBufferPointer(rebasing: space[..<length]), at: offset)
        }
        return count == length ? buffer : nil
    }

    /// Checks that the file holds a part of the range, and asks the kernel to read ahead.
    private func prepare(from position: Int, count: Int, ahead: Int) async throws {
        try await pool.run { [file, offset, length] in
            let needed = offset + UInt64(count > 0 ? position + count : length)
            let size = try file.status().size
            guard size >= needed else { throw Self.tooShort(file, size, needed) }
            if ahead > 0 {
                file.willNeed(
                    offset: offset + UInt64(position), length: UInt64(min(ahead, max(0, length - position))))
            }
        }
    }

    private func read(at position: Int, count: Int) async throws -> ByteBuffer {
        try await pool.run { [file, offset] in
            let start = offset + UInt64(position)
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            while buffer.readableBytes < count {
                let done = buffer.readableBytes
                let got = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count - done) { space in
                    let rest = UnsafeMutableRawBufferPointer(rebasing: space[..<(count - done)])
                    return try file.read(into: rest, at: start + UInt64(done))
                }
                if got == 0 { throw Self.tooShort(file, start + UInt64(done), start + UInt64(count)) }
            }
            return buffer
        }
    }

    private static func tooShort(_ file: OpenFile, _ size: UInt64, _ needed: UInt64) -> TransportError {
        TransportError(.fileTooShort, "send \"\(file.path)\": \(size) bytes long, \(needed) needed")
    }
}
