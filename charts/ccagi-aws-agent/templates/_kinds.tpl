{{- /* The kinds by their members, and those that grant access; a test holds both to the program's table. */}}
{{- define "ccagi.kinds" -}}
s3Bucket: S3Bucket
ec2Instance: Ec2Instance
securityGroup: SecurityGroup
dynamoDbTable: DynamoDbTable
iamRole: IamRole
vpcNetwork: VpcNetwork
lambdaFunction: LambdaFunction
rdsInstance: RdsInstance
{{- end }}
{{- define "ccagi.kindsThatGrantAccess" -}}
['IamRole']
{{- end }}

{{- /* A CEL expression: whether a text is as a pattern says in which * stands for any characters. Takes a list of both. */}}
{{- define "ccagi.covers" -}}
{{ index . 1 }}.matches('^' + {{ index . 0 }}.replace('.', '[.]').replace('+', '[+]').replace('*', '.*') + '$')
{{- end }}
