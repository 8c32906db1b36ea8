use super::story::{Story, message};
use kube::Error;

async fn refusal(story: &Story, spec: &str) -> String {
    match story.try_apply("bad", spec).await {
        Err(Error::Api(status)) => status.message.clone(),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_object_can_show_is_refused_at_admission_with_what_must_be_done() {
    let story = Story::begin("admission").await;
    let long = "x".repeat(64);
    for (spec, says) in [
        ("tags: {a: b}", "exactly one kind block must be set"),
        (
            "s3Bucket: {bucketName: abc}\ndynamoDbTable: {tableName: abc, partitionKey: {name: id, type: String}}",
            "exactly one kind block must be set",
        ),
        ("type: Ec2Instance\ns3Bucket: {bucketName: abc}", "type must name the kind block that is set"),
        ("s3Bucket: {bucketName: Shop_Assets}", "bucketName must be lower-case letters"),
        ("s3Bucket: {bucketName: 10.0.0.1}", "bucketName must not look like an IP address"),
        (&format!("s3Bucket: {{bucketName: {long}}}"), "63"),
        ("region: nowhere\ns3Bucket: {bucketName: abc}", "spec.region"),
        ("resourceId: b\ns3Bucket: {bucketName: abc}", "resourceId and s3Bucket.bucketName both name the resource"),
        ("resourceId: b\niamRole: {roleName: a, assumeRolePolicy: '{}'}", "resourceId and iamRole.roleName both"),
        (
            "resourceId: b\ndynamoDbTable: {tableName: abc, partitionKey: {name: id, type: String}}",
            "resourceId and dynamoDbTable.tableName both",
        ),
        (
            "resourceId: b\nlambdaFunction: {functionName: abc, roleArn: 'arn:aws:iam::111122223333:role/r', code: {imageUri: 'a.b/c:d'}}",
            "resourceId and lambdaFunction.functionName both",
        ),
        (
            "resourceId: b\nrdsInstance: {dbInstanceIdentifier: abc, engine: postgres, instanceClass: db.t4g.micro, allocatedStorageGib: 20, masterUsername: shop}",
            "resourceId and rdsInstance.dbInstanceIdentifier both",
        ),
        ("tags: {'aws:x': text}\ns3Bucket: {bucketName: abc}", "tag keys must not start with aws:"),
        ("ec2Instance: {imageId: windows, instanceType: t3.micro}", "imageId"),
    ] {
        let message = refusal(&story, spec).await;
        assert!(message.contains(says), "{spec}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_change_is_refused_at_admission_by_name() {
    let story = Story::begin("immutable").await;
    let bucket = story.bucket();
    story.apply("bad", &format!("s3Bucket: {{bucketName: {bucket}}}")).await;
    for (spec, says) in [
        (format!("s3Bucket: {{bucketName: {bucket}-b}}"), "bucketName is immutable"),
        (format!("accountRef: {{name: other}}\ns3Bucket: {{bucketName: {bucket}}}"), "accountRef is immutable"),
        (format!("region: eu-west-1\ns3Bucket: {{bucketName: {bucket}}}"), "region is immutable"),
        ("dynamoDbTable: {tableName: abc, partitionKey: {name: id, type: String}}".into(), "the kind is immutable"),
    ] {
        let message = refusal(&story, &spec).await;
        assert!(message.contains(says), "{spec}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_the_world_can_show_is_a_condition_and_delays_nobody() {
    let story = Story::begin("stalled").await;
    let bucket = story.bucket();
    story.apply("nobody", &format!("accountRef: {{name: nobody}}\ns3Bucket: {{bucketName: {bucket}-a}}")).await;
    story.apply("far", &format!("region: ap-south-1\ns3Bucket: {{bucketName: {bucket}-b}}")).await;
    story.apply("policy", &format!("s3Bucket: {{bucketName: {bucket}-c, policy: '{{oops}}'}}")).await;
    story.apply("image", "ec2Instance: {imageId: ami-00000000000000000, instanceType: t3.micro}").await;
    story.apply("good", &format!("s3Bucket: {{bucketName: {bucket}}}")).await;

    story.until_ready("good").await;
    for (name, reason, says) in [
        ("nobody", "UnknownAccount", "Create the AwsAccount"),
        ("far", "RegionNotAllowed", "ap-south-1"),
        ("policy", "InvalidSpec", "spec.s3Bucket.policy"),
        ("image", "InvalidRequest", "ec2Instance.imageId"),
    ] {
        let stalled = story.until_reason(name, "Stalled", reason).await;
        assert!(message(&stalled, "Stalled").contains(says), "{name}: {}", message(&stalled, "Stalled"));
        story.until_event(name, reason).await;
    }
}
