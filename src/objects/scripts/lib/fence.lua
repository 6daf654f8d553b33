-- A fence is 'F', a mark, and the tokens of the writes that have not been settled, 8 bytes each. The mark is '0' while there has been one
-- write alone, '1' when what S3 has is not known though all are settled, '2' when there were too many to be listed.
local function fence_find(fence, token)
  for at = 3, #fence, 8 do
    if string.sub(fence, at, at + 7) == token then
      return at
    end
  end
  return nil
end
