//! Each API against the real server in process: nothing is mocked but time.
